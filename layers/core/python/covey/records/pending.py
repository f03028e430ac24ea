"""A record store as it will be once some writes are done, for checks between those writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covey.collections.model import Collection
from covey.records.model import Record
from covey.records.ports import RecordStore, Write


class Pending:
    """Passes everything on, and answers single records as the writes kept so far leave them.

    Lists and unique values are the store's own: the first are not asked for while writing, the
    second are judged when all is written.
    """

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._after: dict[tuple[str, str], Record | None] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def keep(self, write: Write) -> None:
        """Count a write as done."""
        self._after[write.collection.name, write.id] = write.after

    def get(
        self, collection: Collection, record_id: str, *, consistent: bool = False
    ) -> Record | None:
        """As `RecordStore.get`."""
        key = (collection.name, record_id)
        if key in self._after:
            return self._after[key]
        return self._store.get(collection, record_id, consistent=consistent)

    def get_many(self, collection: Collection, record_ids: Sequence[str]) -> dict[str, Record]:
        """As `RecordStore.get_many`."""
        name = collection.name
        found = self._store.get_many(
            collection, [one for one in record_ids if (name, one) not in self._after]
        )
        for one in record_ids:
            record = self._after.get((name, one))
            if record is not None:
                found[one] = record
        return found
