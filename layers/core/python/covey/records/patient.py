"""A record store that rather gives short pages than asks for an index, for work that can wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from covey.collections.model import Collection
from covey.records.model import Record
from covey.records.nearness import Circle
from covey.records.ports import Nearby, Page, Query, RecordStore


class Patient:
    """Passes everything on, but lists as if no caller had filtered.

    A job reads a collection in slices, says how far it is and what it cost: it needs no index to
    be bounded. An order that no index gives is refused all the same.
    """

    def __init__(self, store: RecordStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def list(self, collection: Collection, query: Query, accept: Callable[[Record], bool]) -> Page:
        """As `RecordStore.list`."""
        return self._store.list(collection, replace(query, bounded_by_caller=False), accept)

    def near(
        self,
        collection: Collection,
        query: Query,
        circle: Circle,
        accept: Callable[[Record], bool],
    ) -> Nearby:
        """All that is near in the order of any list: by distance a budget would end it."""
        page = self.list(collection, query, accept)
        return Nearby(page.records, page.next, page.examined)
