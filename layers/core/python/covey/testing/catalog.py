"""A catalog in memory."""

from __future__ import annotations

from collections.abc import Sequence

from covey.collections.catalog import Past
from covey.collections.document import dump, restore, state
from covey.collections.model import Collection
from covey.errors import Conflict
from covey.records.time import now_ms


class MemoryCatalogStore:
    """The CatalogStore twin: keeps the stored form, so that what it returns was restored."""

    def __init__(self, collections: Sequence[Collection] = ()) -> None:
        self._version = 0
        self._past: dict[str, list[Past]] = {}
        self._states = {collection.name: state(collection) for collection in collections}

    def load(self) -> tuple[int, list[Collection]]:
        """The version and every collection."""
        return self._version, [restore(kept) for kept in self._states.values()]

    def save(self, collection: Collection, expected: int) -> None:
        """Add or replace one; raises Conflict when `expected` is not the version."""
        if expected != self._version:
            raise Conflict("The catalog changed meanwhile.", code="catalog_changed")
        self._states[collection.name] = state(collection)
        self._version += 1
        past = Past(self._version, collection.version, now_ms(), dump(collection))
        self._past.setdefault(collection.name, []).insert(0, past)

    def forget(self, collection: Collection, expected: int) -> None:
        """Take one out; raises as `save` does."""
        if expected != self._version:
            raise Conflict("The catalog changed meanwhile.", code="catalog_changed")
        del self._states[collection.name]
        self._version += 1
        gone = Past(self._version, collection.version, now_ms(), None)
        self._past.setdefault(collection.name, []).insert(0, gone)

    def past(self, name: str, before: int | None, limit: int) -> list[Past]:
        """What a collection was, newest first."""
        found = self._past.get(name, [])
        return [one for one in found if before is None or one.number < before][:limit]
