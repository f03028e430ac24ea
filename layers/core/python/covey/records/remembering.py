"""A record store that remembers what it read, for work that asks for the same few again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covey.collections.model import Collection
from covey.records.model import Record
from covey.records.ports import RecordStore

MOST = 20_000


class Remembering:
    """Passes everything on, and answers `get_many` from memory where it can.

    For a slice of an import, some seconds long: its rows name the same targets over and over,
    and a target that is removed meanwhile is one that was there when the slice began.
    """

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._known: dict[tuple[str, str], Record] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get_many(
        self, collection: Collection, record_ids: Sequence[str], *, consistent: bool = False
    ) -> dict[str, Record]:
        """As `RecordStore.get_many`; what is missing is asked for each time."""
        if consistent:
            return self._store.get_many(collection, record_ids, consistent=True)
        name = collection.name
        found = {one: self._known[name, one] for one in record_ids if (name, one) in self._known}
        missing = [one for one in record_ids if one not in found]
        if missing:
            read = self._store.get_many(collection, missing)
            if len(self._known) < MOST:
                self._known |= {(name, one): record for one, record in read.items()}
            found |= read
        return found
