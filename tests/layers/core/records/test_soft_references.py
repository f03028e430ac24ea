"""Relations with ``on_delete`` to records that are removed softly, and from such records.

A soft removal is a removal to all that refers: it is refused, cascades and clears as any other.
What comes back comes back alone: its referrers, softly removed with it, one by one and after it;
what was cleared stays clear. A record that is removed softly refers to nothing meanwhile.
"""

from __future__ import annotations

from typing import Any

import pytest

from covey.identity.principal import SYSTEM
from covey.jobs.cascade import Cascade, Cascades
from covey.jobs.runner import Runner
from covey.jobs.service import Jobs
from covey.records.model import Change, ChangeKind
from covey.testing.jobs import MemoryJobStore
from covey.testing.queues import MemoryJobQueue
from tests.layers.core.records.past import House
from tests.layers.core.records.world import ADMIN, refused

ANYONE = {"read": "true", "create": "true", "update": "true", "delete": "true"}
DOCUMENTS: tuple[dict[str, Any], ...] = (
    {"name": "teams", "fields": {"name": {"type": "text"}}, "rules": ANYONE, "soft_delete": "30d"},
    {
        "name": "people",
        "fields": {"team": {"type": "relation", "to": "teams", "on_delete": "restrict"}},
        "rules": ANYONE,
        "soft_delete": "30d",
    },
    {
        "name": "posts",
        "fields": {
            "author": {"type": "relation", "to": "people", "on_delete": "cascade"},
            "reader": {"type": "relation", "to": "people", "on_delete": "clear"},
        },
        "rules": ANYONE,
        "soft_delete": "30d",
    },
)


class Referring(House):
    """With the jobs that removals begin."""

    def __init__(self, table: str) -> None:
        super().__init__(table, *DOCUMENTS)
        self.job_store, self.queue = MemoryJobStore(), MemoryJobQueue()
        jobs = Jobs(self.job_store, self.queue, now=lambda: self.now)
        self.cascades = Cascades(jobs, self.catalog, self.store)
        self.cascade = Cascade(self.catalog, self.store, lambda: self.records, now=lambda: self.now)

    def add(self, into: str, **values: Any) -> str:
        return self.records.create(ADMIN, into, values).id

    def there(self, name: str, record_id: str) -> dict[str, Any] | None:
        found = self.store.get(self.catalog.get(name), record_id, consistent=True)
        return None if found is None else dict(found.values)

    def delete(self, name: str, record_id: str) -> None:
        """Remove a record, and all that its removal begins."""
        self.records.delete(ADMIN, name, record_id)
        self.settle()

    def settle(self) -> None:
        told: list[Change] = []
        while len(told) < len(self.store.changes):
            told, new = list(self.store.changes), self.store.changes[len(told) :]
            for change in new:
                collection = self.catalog.get(change.collection)
                if change.kind is ChangeKind.DELETED and self.cascades.wants(collection):
                    self.cascades.apply(collection, [change])
            kinds = {"cascade": self.cascade}
            runner = Runner(self.job_store, self.queue, kinds, now=lambda: self.now)
            while self.queue.sent:
                body, _ = self.queue.sent.pop(0)
                runner.run(body["job"], lambda: True)


@pytest.fixture
def house(table: str) -> Referring:
    return Referring(table)


def test_restricted_is_restricted(house: Referring) -> None:
    team = house.add("teams")
    person = house.add("people", team=team)
    assert refused(lambda: house.records.delete(ADMIN, "teams", team))[:2] == (409, "restricted")
    assert house.there("teams", team) is not None
    house.delete("people", person)
    house.delete("teams", team)
    assert house.there("teams", team) is None


def test_who_was_removed_softly_comes_back_only_where_their_target_is(house: Referring) -> None:
    team = house.add("teams")
    person = house.add("people", team=team)
    house.delete("people", person)
    house.delete("teams", team)
    assert refused(lambda: house.records.restore(ADMIN, "people", person))[0] == 422
    house.records.restore(ADMIN, "teams", team)
    house.records.restore(ADMIN, "people", person)
    assert house.there("people", person) == {"team": team}
    assert refused(lambda: house.records.delete(ADMIN, "teams", team))[:2] == (409, "restricted")


def test_a_purge_lets_nobody_back(house: Referring) -> None:
    team = house.add("teams")
    person = house.add("people", team=team)
    house.delete("people", person)
    house.delete("teams", team)
    house.records.purge(ADMIN, "teams", team)
    assert refused(lambda: house.records.restore(ADMIN, "teams", team))[0] == 404
    assert refused(lambda: house.records.restore(ADMIN, "people", person))[0] == 422


def test_a_cascade_removes_softly_and_each_comes_back_by_itself(house: Referring) -> None:
    ann, ben = house.add("people"), house.add("people")
    hers, his = house.add("posts", author=ann), house.add("posts", author=ben, reader=ann)
    house.delete("people", ann)
    assert house.there("posts", hers) is None
    assert house.there("posts", his) == {"author": ben}
    assert refused(lambda: house.add("posts", author=ann))[0] == 422
    assert refused(lambda: house.records.restore(ADMIN, "posts", hers))[0] == 422
    house.records.restore(ADMIN, "people", ann)
    assert house.there("posts", hers) is None, "what went with it does not come back by itself"
    house.records.restore(ADMIN, "posts", hers)
    assert house.there("posts", hers) == {"author": ann}
    assert house.there("posts", his) == {"author": ben}, "what was cleared stays clear"
    house.delete("people", ann)
    assert house.there("posts", hers) is None, "what came back refers as before"


def test_a_target_that_is_back_before_its_cascade_began_keeps_its_referrers(
    house: Referring,
) -> None:
    ann = house.add("people")
    post = house.add("posts", author=ann)
    house.records.delete(ADMIN, "people", ann)
    house.records.restore(ADMIN, "people", ann)
    house.settle()
    assert house.there("posts", post) == {"author": ann}
    assert house.records.get(SYSTEM, "people", ann)
