"""What is kept from changes: totals, search and history, held against the table."""

from __future__ import annotations

from typing import Any

from covey.aggregates.keeper import Aggregates
from covey.identity.principal import SYSTEM
from covey.pipeline.gauges import Gauges
from covey.pipeline.redriving import Redriver
from covey.pipeline.run import Pipeline
from covey.pipeline.told import Told
from covey.records.archive import Keeper
from covey.records.model import Change, ChangeKind
from covey.search.finding import Finder
from covey.search.indexing import SearchIndexer
from covey.store.search import DynamoSearchStore
from covey.store.totals import DynamoTotals
from covey.store.transport import transport
from covey.testing.pipeline import MemoryDeadLetters, MemoryGauges
from covey.testing.search import MemorySearchStore
from covey.testing.totals import MemoryTotals
from tests.layers.core.aggregates.world import counted, recount
from tests.simulation.faults import Chance, Clock, Frail, Mortal, Queue, Shards

WORDS = [
    "amber",
    "basalt",
    "cobalt",
    "dune",
    "ember",
    "flint",
    "granite",
    "heather",
    "indigo",
    "jasper",
]


class Kept:
    """The pipeline over a house, with every consumer of it mortal and frail."""

    def __init__(
        self, house: Any, table: str | None, clock: Clock, chance: Chance, *more: Any
    ) -> None:
        self.house, self.clock, self.chance = house, clock, chance
        self.totals: Any = MemoryTotals() if table is None else DynamoTotals(transport(), table)
        self.found: Any = MemorySearchStore(house.store)
        if table is not None:
            self.found = DynamoSearchStore(transport(), table)
        consumers = (
            SearchIndexer(Mortal(self.found, chance), pause=lambda _: None),
            Aggregates(
                Mortal(self.totals, chance),
                house.catalog.get,
                lambda collection, one: house.store.get(collection, one, consistent=True),
            ),
            Keeper(Mortal(house.archive, chance), clock.seconds),
            *more,
        )
        self.frail = [Frail(one, chance) for one in consumers]
        self.letters = MemoryDeadLetters()
        self.queue = Queue(clock, chance)
        self.stream = Shards(chance)
        self.gauges = Gauges(MemoryGauges(), lambda _: None, now=clock)
        self.pipeline = Pipeline(
            house.catalog,
            self.frail,
            Mortal(self.letters, chance, 0.02),
            self.gauges,
            retries=self.queue,
            now=clock,
            pause=lambda _: None,
        )
        self.redriver = Redriver(
            self.pipeline, self.letters, self.read, Mortal(self.queue, chance, 0.02), now=clock
        )
        self.buried = 0

    def read(self, image: Any) -> Told:
        change: Change = image["change"]
        return told(change)

    def deliver(self) -> bool:
        """One batch."""
        left = self.chance.dice.random

        def take(batch: Any) -> str | None:
            return self.pipeline.take(
                [told(one) for one in batch], lambda: self.chance.kind or left() < 0.95
            )

        return self.stream.deliver(take)

    def redrive(self) -> None:
        """Orders whose time has come."""
        self.buried = max(self.buried, len(self.letters.letters))
        self.queue.deliver(lambda order: self.redriver.carry_out(order, lambda: True))

    def settle(self) -> None:
        """With nothing going wrong any more: all is applied, and every letter taken up."""
        while self.deliver():
            self.clock.ms += 1_000
        for name in self.pipeline.consumers:
            self.redriver.order({"consumer": name})
        while (at := self.queue.next) is not None:
            self.clock.ms = max(self.clock.ms, at)
            self.redrive()
        assert not self.letters.letters, "a letter that was taken up stays"

    # ---- held against the table

    def agrees(self, log: list[Change]) -> None:
        """Everything that is kept is what the table says."""
        for collection in self.house.catalog.all():
            there = self.house.everything(collection)
            for name in collection.aggregates:
                assert counted(collection, name, self.totals) == recount(collection, name, there)
            if collection.search.fields:
                self._finds(collection, there)
            if collection.history:
                self._remembers(collection, log)

    def _finds(self, collection: Any, there: list[Any]) -> None:
        finder = Finder(self.house.store, self.house.catalog, self.found, budget=100_000)
        for word in WORDS:
            with_it = {one.id for one in there if word in (one.values.get("text") or "").split()}
            hits: set[str] = set()
            cursor: str | None = ""
            while cursor is not None:
                asked = {"q": word, "limit": "200"} | ({"cursor": cursor} if cursor else {})
                page = finder.search(SYSTEM, collection.name, asked)
                hits |= {one["id"] for one in page.items}
                cursor = page.next
            assert hits == with_it, word

    def _remembers(self, collection: Any, log: list[Change]) -> None:
        wanted: dict[str, dict[tuple[int, int], Any]] = {}
        for change in log:
            if change.collection == collection.name and change.before is not None:
                place = change.before.created, change.before.version
                ended = change.kind is ChangeKind.DELETED
                wanted.setdefault(change.id, {})[place] = (dict(change.before.values), ended)
        for record, versions in wanted.items():
            kept = self.house.archive.versions(
                collection, record, since=0, before=None, limit=10_000
            )
            assert {
                (one.record.created, one.record.version): (dict(one.record.values), one.removed)
                for one in kept
            } == versions


def told(change: Change) -> Told:
    """A change as the stream tells it; its image is the change itself."""
    return Told(
        change.sequence,
        {"change": change},
        change,
        None,
        change.collection,
        change.id,
        change.at,
    )
