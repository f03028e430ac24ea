"""A catalog in memory."""

from __future__ import annotations

from collections.abc import Sequence

from covey.collections.document import restore, state
from covey.collections.model import Collection
from covey.errors import Conflict


class MemoryCatalogStore:
    """The CatalogStore twin: keeps the stored form, so that what it returns was restored."""

    def __init__(self, collections: Sequence[Collection] = ()) -> None:
        self._version = 0
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
