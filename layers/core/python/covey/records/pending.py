"""A record store as it will be once some writes are done, for checks between those writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covey.collections.model import Collection, Field
from covey.collections.references import target_ids
from covey.records.model import Record
from covey.records.patch import same
from covey.records.ports import RecordStore, Write


class Pending:
    """Passes everything on, and answers single records as the writes kept so far leave them.

    Lists are the store's own: none is asked for while writing. Whether unique values are free is
    judged when all is written; who has one is answered as the writes leave it.
    """

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._after: dict[tuple[str, str], Record | None] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def keep(self, write: Write) -> None:
        """Count a write as done."""
        self._after[write.collection.name, write.id] = write.after

    def writes(self, collection: Collection, record_id: str) -> bool:
        """Whether a write of this record was kept."""
        return (collection.name, record_id) in self._after

    def find_unique(
        self, collection: Collection, fields: tuple[str, ...], values: tuple[Any, ...]
    ) -> str | None:
        """As `RecordStore.find_unique`."""
        for (name, record_id), record in self._after.items():
            if name == collection.name and record is not None:
                theirs = [record.values.get(field) for field in fields]
                if all(map(same, theirs, values)):
                    return record_id
        owner = self._store.find_unique(collection, fields, values)
        return None if owner is None or self.writes(collection, owner) else owner

    def get(
        self, collection: Collection, record_id: str, *, consistent: bool = False
    ) -> Record | None:
        """As `RecordStore.get`."""
        key = (collection.name, record_id)
        if key in self._after:
            return self._after[key]
        return self._store.get(collection, record_id, consistent=consistent)

    def referrers(
        self, collection: Collection, field: Field, target: str, after: str, limit: int
    ) -> list[str]:
        """As `RecordStore.referrers`, with those that come to refer to the target."""
        coming = {
            record_id
            for (name, record_id), record in self._after.items()
            if name == collection.name and record is not None and record_id > after
            if target in target_ids(field, record.values.get(field.name))
        }
        found = self._store.referrers(collection, field, target, after, limit)
        return sorted({*found, *coming})[:limit]

    def get_many(
        self, collection: Collection, record_ids: Sequence[str], *, consistent: bool = False
    ) -> dict[str, Record]:
        """As `RecordStore.get_many`."""
        name = collection.name
        found = self._store.get_many(
            collection,
            [one for one in record_ids if (name, one) not in self._after],
            consistent=consistent,
        )
        for one in record_ids:
            record = self._after.get((name, one))
            if record is not None:
                found[one] = record
        return found
