"""A pipeline over two collections, with consumers that cannot take some ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covey.collections.model import Collection
from covey.errors import NotFound, Unavailable
from covey.pipeline.gauges import Gauges
from covey.pipeline.letters import DeadLetters
from covey.pipeline.redriving import Redriver
from covey.pipeline.run import Pipeline
from covey.pipeline.told import Told
from covey.records.model import Change, ChangeKind
from covey.testing.pipeline import MemoryDeadLetters, MemoryGauges, told
from covey.testing.queues import MemoryJobQueue

NOW = 1_800_000_000_000
COLLECTIONS = {name: Collection(name, {}) for name in ("posts", "notes")}


class Catalog:
    def get(self, name: str) -> Collection:
        if name not in COLLECTIONS:
            raise NotFound("No such collection.")
        return COLLECTIONS[name]


class Kept:
    """A consumer that cannot take the ids of `poison`, or nothing while `away`."""

    def __init__(self, name: str, wanted: str = "posts notes", poison: str = "") -> None:
        self.name = name
        self.applied: list[str] = []
        self.calls = 0
        self.poison = set(poison.split())
        self.away = False
        self._wanted = wanted.split()

    def wants(self, collection: Collection) -> bool:
        return collection.name in self._wanted

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        self.calls += 1
        if self.away:
            raise Unavailable("It is away.")
        for change in changes:
            if change.id in self.poison:
                raise ValueError(f"poison {change.id}")
        self.applied += [f"{collection.name}/{change.id}" for change in changes]


def changes(*names: str, at: int = NOW) -> list[Change]:
    made = []
    for sequence, name in enumerate(names):
        collection, _, record = name.partition("/")
        kind = ChangeKind.CREATED
        made.append(Change(collection, record, 1, kind, None, None, str(sequence), at))
    return made


class World:
    def __init__(self, *consumers: Kept, letters: DeadLetters | None = None) -> None:
        self.now = NOW
        self.letters = letters or MemoryDeadLetters()
        self.queue = MemoryJobQueue()
        self.told_gauges = MemoryGauges()
        self.emitted: list[Any] = []
        self.gauges = Gauges(self.told_gauges, self.emitted.append, now=lambda: self.now)
        self.pipeline = Pipeline(
            Catalog(),
            consumers,
            self.letters,
            self.gauges,
            retries=self.queue,
            now=lambda: self.now,
            pause=lambda _: None,
        )
        self.known: dict[str, Change] = {}
        self.redriver = Redriver(
            self.pipeline, self.letters, self.read, self.queue, now=lambda: self.now
        )

    def read(self, image: Any) -> Told:
        change = self.known[image["sequence"]]
        return Told(change.sequence, image, change, at=change.at)

    def take(self, *names: str, at: int = NOW, left: bool = True) -> str | None:
        batch = []
        for one in told(changes(*names, at=at)):
            assert one.change is not None
            self.known[one.sequence] = one.change
            image = {"sequence": one.sequence}
            batch.append(Told(one.sequence, image, one.change, at=one.at))
        return self.pipeline.take(batch, lambda: left)

    def buried(self) -> list[tuple[str, str, str]]:
        every = [*self.pipeline.consumers, "reading"]
        found = [one for name in every for one in self.letters.newest(name, "", 99)]
        return sorted((one.consumer, f"{one.collection}/{one.record}", one.error) for one in found)
