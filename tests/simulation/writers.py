"""Random writes to two collections, through the service that everybody writes by."""

from __future__ import annotations

from typing import Any

from covey.errors import CoveyError
from covey.identity.principal import SYSTEM
from covey.records.ids import RANDOM_BITS, text_of
from covey.records.model import Change, Record
from tests.layers.core.records.past import House
from tests.simulation.faults import Chance, Clock
from tests.simulation.kept import WORDS

OPEN = dict.fromkeys(("create", "update", "delete"), "true")
AGGREGATES: dict[str, Any] = {
    "all": {"count": True, "sum": ["amount"]},
    "by_shop": {
        "group": ["shop"],
        "count": True,
        "sum": ["amount"],
        "min": ["amount"],
        "max": ["amount"],
    },
}
FIELDS: dict[str, Any] = {
    "text": {"type": "text"},
    "shop": {"type": "text"},
    "amount": {"type": "number"},
    "published": {"type": "bool", "default": False},
    "author": {"type": "text"},
}
PARTS: dict[str, Any] = {
    "fields": FIELDS,
    "rules": {"read": "published || author == auth.id", **OPEN},
    "search": ["text"],
    "aggregates": AGGREGATES,
    "history": "90d",
}
SALES = {"name": "sales", "ids": "custom", **PARTS}
POSTS = {"name": "posts", **PARTS}


class Table(House):
    """The house of records, whose changes are given to triggers as they come."""

    def __init__(self, table: str | None, clock: Clock, chance: Chance) -> None:
        self.clock, self.chance = clock, chance
        super().__init__(table, SALES, POSTS)
        self.store.new_id = self._new_id  # the same in each run of a seed
        self.posts: list[str] = []
        self.refused = 0

    @property
    def now(self) -> int:
        """The time of writes."""
        return self.clock.ms

    @now.setter
    def now(self, _: int) -> None:
        """The clock is the simulation's own."""

    def _new_id(self, _: Any) -> str:
        return text_of(self.clock.ms << RANDOM_BITS | self.chance.dice.getrandbits(RANDOM_BITS))

    def new(self) -> list[Change]:
        """Changes since this was last asked."""
        found = self.store.changes[self.told :]
        self.told = len(self.store.changes)
        return list(found)

    def everything(self, collection: Any) -> list[Record]:
        """All records that there are, as the last change of each says."""
        last: dict[str, Change] = {}
        for change in self.store.changes:
            if change.collection == collection.name:
                last[change.id] = change
        return [one.after for one in last.values() if one.after is not None]

    def write(self) -> None:
        """One write, or a few in one transaction."""
        dice = self.chance.dice
        try:
            getattr(self, dice.choice(["_sale"] * 5 + ["_post"] * 4 + ["_both"]))(dice)
        except CoveyError:  # what is there already, or not any more
            self.refused += 1

    def _values(self, dice: Any) -> dict[str, Any]:
        return {
            "text": " ".join(dice.choices(WORDS, k=dice.randrange(1, 6))),
            "shop": dice.choice("abc"),
            "amount": dice.randrange(-50, 500),
            "published": dice.random() < 0.6,
            "author": dice.choice(["ann", "ben"]),
        }

    def _sale(self, dice: Any) -> None:
        record = f"s{dice.randrange(30)}"
        if dice.random() < 0.25:
            self.records.delete(SYSTEM, "sales", record)
        else:
            self.records.replace(SYSTEM, "sales", record, self._values(dice))

    def _post(self, dice: Any) -> None:
        if not self.posts or dice.random() < 0.3:
            self.posts.append(self.records.create(SYSTEM, "posts", self._values(dice)).id)
            return
        record = dice.choice(self.posts)
        if dice.random() < 0.15:
            self.records.delete(SYSTEM, "posts", record)
            self.posts.remove(record)
            return
        values = self._values(dice)
        some = dice.sample(sorted(values), dice.randrange(1, 4))
        self.records.update(SYSTEM, "posts", record, {name: values[name] for name in some})

    def _both(self, dice: Any) -> None:
        for _ in range(3):
            self._sale(dice)
            self._post(dice)
