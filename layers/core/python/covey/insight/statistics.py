"""How much there is: the records of each collection, counted by night."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from covey.collections.catalog import Catalog
from covey.collections.model import Collection


class Statistics:
    """Counts; `count` reads every key of a collection, so it is for nights, not for requests."""

    def __init__(self, catalog: Catalog, count: Callable[[Collection], int]) -> None:
        self._catalog = catalog
        self._count = count

    def take(self, slot: str) -> dict[str, Any]:
        """The counts of this slot, by collection."""
        counted = {one.name: self._count(one) for one in self._catalog.all()}
        return {"slot": slot, "records": counted, "total": sum(counted.values())}
