"""What the data engine leaves to be wished for in its own file, mended beside it.

dynoxide 1.2.1 keeps the records of streams in one table without an index and never forgets
one. Each write looks there for the last sequence number and each poll for the next records,
which read the whole table: at 8,000 records a write costs four times what the first one did.
An index makes both a search, and what is older than a stream keeps is removed at a start.
DescribeStream looks for the first and the last sequence number of a shard, as texts, and answers
nobody else meanwhile: 68 s at 1.6 million records, and 0.6 s by an index that holds all it reads.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

_RETENTION = 86_400  # seconds that DynamoDB's streams keep a record
_MOST = 100_000  # removed at one start, so that it does not take long
_BUSY_SECONDS = 5.0

_INDEXES = (
    """CREATE INDEX IF NOT EXISTS covey_stream_order
       ON _stream_records (table_name, CAST(sequence_number AS INTEGER))""",
    # The shard last: were it first, a poll would prefer this index, and sort.
    """CREATE INDEX IF NOT EXISTS covey_stream_bounds
       ON _stream_records (table_name, sequence_number, shard_id)""",
)
# The last of all stays: the next sequence number follows from it.
_FORGET = """
    DELETE FROM _stream_records WHERE id IN (
        SELECT id FROM _stream_records
        WHERE created_at < ? AND id < (SELECT MAX(id) FROM _stream_records)
        ORDER BY id LIMIT ?)
"""


def tune(database: Path) -> None:
    """Mend the engine's file, while the engine runs and has made its tables.

    Does nothing to a file of another make: an engine without it is slower, not wrong.
    """
    if not database.is_file():
        return
    with contextlib.suppress(sqlite3.Error):
        connection = sqlite3.connect(database, timeout=_BUSY_SECONDS)
        try:
            for index in _INDEXES:
                with connection:
                    connection.execute(index)
            with connection:
                connection.execute(_FORGET, (int(time.time()) - _RETENTION, _MOST))
        finally:
            connection.close()
