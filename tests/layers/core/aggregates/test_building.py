"""An aggregate that is declared over records that are there, while others are being written."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from covey.aggregates.keeper import Aggregates
from covey.aggregates.service import Counter
from covey.collections import Catalog, builds, load
from covey.collections.apply import apply, plan
from covey.collections.model import Collection
from covey.identity.principal import SYSTEM
from covey.jobs.backfill import Backfill, Pace
from covey.jobs.backfills import Backfills
from covey.jobs.runner import Runner
from covey.jobs.service import Jobs
from covey.records.emptiness import is_empty
from covey.records.model import Change, ChangeKind, Record
from covey.records.service import Records
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.jobs import MemoryJobStore
from covey.testing.queues import MemoryJobQueue
from covey.testing.rebuilding import MemoryRebuilder
from covey.testing.records import MemoryRecordStore
from covey.testing.totals import MemoryTotals

PLAIN: dict[str, Any] = {
    "name": "posts",
    "fields": {"author": {"type": "text"}, "views": {"type": "integer"}},
}
BY_AUTHOR = {"group": ["author"], "count": True, "sum": ["views"]}
COUNTED = {**PLAIN, "aggregates": {"by_author": BY_AUTHOR}}
ASKED = {"group": ["author"], "count": True, "sum": ["views"]}


class House:
    """A deployment in memory whose stream is told by hand, maybe by a consumer that is behind."""

    def __init__(self) -> None:
        self.ms = 1_800_000_000_000
        self.catalog = Catalog(MemoryCatalogStore(), ttl=0)
        self.catalog.save(load(PLAIN))
        self.store, self.totals = MemoryRecordStore(clock=lambda: self.ms / 1000), MemoryTotals()
        self.records = Records(self.store, self.catalog, clock=lambda: self.ms)
        self.keeper = Aggregates(self.totals, self.catalog.get, self.store.get)
        self.counter = Counter(self.store, self.catalog, self.totals)
        self.queue = MemoryJobQueue()
        self.jobs = Jobs(MemoryJobStore(), self.queue, now=lambda: self.ms)
        self.sequence = 0

    @property
    def collection(self) -> Collection:
        return self.catalog.get("posts")

    def create(self, **values: Any) -> Change:
        made = self.records.create(SYSTEM, "posts", values)
        return self.change(None, self.store.get(self.collection, made.id))

    def delete(self, record_id: str) -> Change:
        before = self.store.get(self.collection, record_id)
        self.records.delete(SYSTEM, "posts", record_id)
        return self.change(before, None)

    def change(self, before: Record | None, after: Record | None) -> Change:
        self.sequence += 1
        record = after or before
        assert record is not None
        kind = ChangeKind.DELETED if after is None else ChangeKind.CREATED
        return Change("posts", record.id, record.version, kind, before, after, str(self.sequence))

    def push(self, document: Mapping[str, Any]) -> Collection:
        return apply(
            self.catalog,
            plan(self.catalog, document),
            is_empty=partial(is_empty, self.store),
            builder=Backfills(self.jobs),
            confirmed=True,
        )

    def build(self) -> None:
        work = Backfill(
            self.catalog,
            self.store,
            MemoryRebuilder(self.store),
            Pace(40.0, 1_000_000),
            followers=(self.keeper,),
            now=lambda: self.ms,
            pause=lambda _: None,
        )
        runner = Runner(self.jobs._store, self.queue, {"backfill": work}, now=lambda: self.ms)
        while self.queue.sent:
            messages, self.queue.sent = self.queue.sent, []
            for body, delay_s in messages:
                self.ms += delay_s * 1000
                runner.run(body["job"], lambda: True)

    def ask(self, **body: Any) -> tuple[str, dict[Any, tuple[int, int]]]:
        found = self.counter.aggregate(SYSTEM, "posts", {**ASKED, **body})
        items = found["items"]
        groups = {one["group"]["author"]: (one["count"], one["sum"]["views"]) for one in items}
        return found["source"], groups


def test_it_is_counted_by_a_job_and_answers_when_that_is_done() -> None:
    house = House()
    for number in range(250):
        house.create(author=f"a{number % 2}", views=1)
    pushed = house.push(COUNTED)
    assert [one["part"] for one in builds.described(pushed)] == ["aggregate by_author"]
    assert house.ask() == ("computed", {"a0": (125, 125), "a1": (125, 125)})
    house.build()
    assert house.ask() == ("declared", {"a0": (125, 125), "a1": (125, 125)})


def test_changes_of_before_meanwhile_and_after_count_once() -> None:
    house = House()
    early = [house.create(author="ann", views=n) for n in range(5)]
    before = house.collection
    house.push(COUNTED)
    during = house.create(author="ann", views=100)
    house.keeper.apply(house.collection, [during])
    gone = house.delete(early[0].id)
    house.build()
    house.keeper.apply(house.collection, [*early, during, gone])
    house.keeper.apply(house.collection, [gone, *early])
    assert house.ask() == ("declared", {"ann": (5, 110)})
    assert before.aggregates == {}


def test_a_consumer_with_an_older_catalog_takes_nothing_back() -> None:
    house = House()
    other = {"count": True}
    house.push({**PLAIN, "aggregates": {"other": other}})
    older = house.collection
    house.push({**COUNTED, "aggregates": {"other": other, "by_author": BY_AUTHOR}})
    house.build()
    made = house.create(author="ann", views=1)
    house.keeper.apply(house.collection, [made])
    house.keeper.apply(older, [house.delete(made.id)])
    assert house.ask() == ("declared", {})


def test_a_rename_keeps_what_was_counted_and_another_filter_counts_anew() -> None:
    house = House()
    house.push(COUNTED)
    house.build()
    house.keeper.apply(house.collection, [house.create(author="ann", views=3)])
    fields = {"writer": {"type": "text", "was": "author"}, "views": {"type": "integer"}}
    renamed = {"group": ["writer"], "sum": ["views"], "avg": ["views"]}
    after = house.push({**PLAIN, "fields": fields, "aggregates": {"by_writer": renamed}})
    assert builds.described(after) == []
    found = house.counter.aggregate(SYSTEM, "posts", {"group": ["writer"], "sum": ["views"]})
    assert (found["aggregate"], found["items"]) == (
        "by_writer",
        [{"group": {"writer": "ann"}, "sum": {"views": 3}}],
    )
    filtered = {**renamed, "filter": "views > 5"}
    again = house.push({**PLAIN, "fields": fields, "aggregates": {"by_writer": filtered}})
    assert [one["state"] for one in builds.described(again)] == ["building"]
    assert again.aggregates["by_writer"].number == 1
