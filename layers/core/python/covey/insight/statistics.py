"""How much there is: the records of each collection, counted by night."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from covey.collections.catalog import Catalog
from covey.collections.model import Collection

KEPT_SECONDS = 300.0


class Statistics:
    """Counts; `count` reads every key of a collection, so it is for nights, not for requests."""

    def __init__(self, catalog: Catalog, count: Callable[[Collection], int]) -> None:
        self._catalog = catalog
        self._count = count

    def take(self, slot: str) -> dict[str, Any]:
        """The counts of this slot, by collection."""
        counted = {one.name: self._count(one) for one in self._catalog.all()}
        return {"slot": slot, "records": counted, "total": sum(counted.values())}


class Run(Protocol):
    """One night's count, as the job that made it."""

    @property
    def result(self) -> Mapping[str, Any]:
        """What `Statistics.take` answered; empty while it runs."""
        ...


class LastCounts:
    """The newest counts, read anew every few minutes; `runs` are nights, newest first."""

    def __init__(
        self, runs: Callable[[], Sequence[Run]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._runs = runs
        self._clock = clock
        self._until = 0.0
        self._counts: Mapping[str, int] = {}

    def __call__(self, collection: str) -> int | None:
        """How many records the collection had; None when it was not counted yet."""
        if self._clock() >= self._until:
            done = (run.result["records"] for run in self._runs() if "records" in run.result)
            self._counts = next(done, {})
            self._until = self._clock() + KEPT_SECONDS
        return self._counts.get(collection)
