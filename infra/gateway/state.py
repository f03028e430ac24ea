"""What the gateway must not forget: one SQLite file, ``.covey/gateway.db``.

Write-ahead log with ``synchronous=FULL``: a committed transaction survives kill -9 and power
loss. Each part keeps its own tables behind a small repository class (`Positions` here,
`queues.Queues`, `deliveries.Deliveries`, `schedules.Slots`, `connections.Connections`) and
hands its ``SCHEMA`` to `State.prepare`. Work of several parts joins one transaction by
nesting: only the outermost `transaction` commits.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class State:
    """The file, opened once per process.

    >>> with state.transaction() as database:
    ...     database.execute("UPDATE …")
    """

    def __init__(self, path: Path | str) -> None:
        """Open or make the file; ``":memory:"`` for tests."""
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=10
        )
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._lock = threading.RLock()
        self._depth = 0
        # One thread: SQLite has one writer anyway, and the event loop never waits for a disk.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gateway-state")

    def prepare(self, schema: str) -> None:
        """Make what is missing; statements must be ``CREATE … IF NOT EXISTS``."""
        with self._lock:
            self._database.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; nests, and then the outermost one decides."""
        with self._lock:
            if self._depth == 0:
                self._database.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self._database
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._database.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._database.execute("COMMIT")

    def rows(self, statement: str, parameters: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """The rows of a SELECT."""
        with self._lock:
            return self._database.execute(statement, parameters).fetchall()

    async def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call a repository from the event loop, on the state's own thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: work(*args, **kwargs))

    def close(self) -> None:
        """Finish what is queued and close the file."""
        self._thread.shutdown(wait=True)
        with self._lock:
            self._database.close()


@dataclass(frozen=True, slots=True)
class Position:
    """How far a stream trigger has come in a shard.

    ``sequence`` is the last record that is settled ("" before the first). ``attempts`` counts
    the failures of the batch after it, which held ``size`` records: a restart must neither
    forgive a poison record its attempts nor count them against its neighbours.
    """

    sequence: str = ""
    attempts: int = 0
    size: int = 0
    ended: bool = False


class Positions:
    """The position of each stream trigger, per stream and shard."""

    SCHEMA = """
        CREATE TABLE IF NOT EXISTS positions (
            trigger TEXT, stream TEXT, shard TEXT, sequence TEXT NOT NULL,
            attempts INTEGER NOT NULL, size INTEGER NOT NULL, ended INTEGER NOT NULL,
            PRIMARY KEY (trigger, stream, shard)) WITHOUT ROWID;
    """

    def __init__(self, state: State) -> None:
        self._state = state
        state.prepare(self.SCHEMA)

    def get(self, trigger: str, stream: str, shard: str) -> Position | None:
        """The stored position, or None when this shard was never read."""
        rows = self._state.rows(
            "SELECT sequence, attempts, size, ended FROM positions"
            " WHERE trigger=? AND stream=? AND shard=?",
            (trigger, stream, shard),
        )
        if not rows:
            return None
        sequence, attempts, size, ended = rows[0]
        return Position(sequence, attempts, size, bool(ended))

    def save(self, trigger: str, stream: str, shard: str, position: Position) -> None:
        """Replace the stored position."""
        with self._state.transaction() as database:
            database.execute(
                "INSERT OR REPLACE INTO positions VALUES (?,?,?,?,?,?,?)",
                (
                    *(trigger, stream, shard),
                    *(position.sequence, position.attempts, position.size, int(position.ended)),
                ),
            )
