"""What drifted is found, told and mended, from wherever a runner left off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from covey.aggregates.keeper import Aggregates
from covey.aggregates.ports import Mark, Totals
from covey.aggregates.reconcile import Reconcile, begin
from covey.collections import Catalog, load
from covey.identity.principal import SYSTEM
from covey.jobs.model import Job, Status
from covey.jobs.runner import Runner
from covey.jobs.service import Jobs
from covey.records.model import Change, ChangeKind, Record
from covey.records.service import Records
from covey.store.totals import DynamoTotals
from covey.store.transport import transport
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.jobs import MemoryJobStore
from covey.testing.queues import MemoryJobQueue
from covey.testing.rebuilding import MemoryRebuilder
from covey.testing.records import MemoryRecordStore
from covey.testing.totals import MemoryTotals

DOCUMENT: dict[str, Any] = {
    "name": "posts",
    "fields": {"author": {"type": "text"}, "views": {"type": "integer"}},
    "aggregates": {"by_author": {"group": ["author"], "count": True, "sum": ["views"]}},
}


@pytest.fixture(params=["memory", "engine"])
def totals(request: pytest.FixtureRequest) -> Iterator[Totals]:
    if request.param == "memory":
        yield MemoryTotals()
    else:
        table = request.getfixturevalue("table")
        yield DynamoTotals(transport(), table)


class House:
    """Records whose changes are told or lost, and a runner that is stepped by hand."""

    def __init__(self, totals: Totals, document: dict[str, Any] = DOCUMENT) -> None:
        self.catalog = Catalog(MemoryCatalogStore(), ttl=0)
        self.catalog.save(load(document))
        self.store, self.totals = MemoryRecordStore(), totals
        self.records = Records(self.store, self.catalog)
        self.keeper = Aggregates(totals, self.catalog.get, self.store.get)
        self.jobs = Jobs(MemoryJobStore(), MemoryJobQueue())
        self.sequence = 0
        self.pauses: list[float] = []
        work = Reconcile(
            self.catalog,
            self.store,
            MemoryRebuilder(self.store),
            totals,
            self.keeper,
            pause=self.pauses.append,
        )
        self.runner = Runner(self.jobs._store, self.jobs._queue, {"reconcile": work})

    def write(self, record_id: str | None, told: bool = True, **values: Any) -> str:
        collection = self.catalog.get("posts")
        before = None if record_id is None else self.store.get(collection, record_id)
        if record_id is None:
            record_id = self.records.create(SYSTEM, "posts", values).id
        elif values:
            self.records.update(SYSTEM, "posts", record_id, values)
        else:
            self.records.delete(SYSTEM, "posts", record_id)
        self._tell(before, self.store.get(collection, record_id), told)
        return record_id

    def _tell(self, before: Record | None, after: Record | None, told: bool) -> None:
        self.sequence += 1
        record = after or before
        assert record is not None
        kind = ChangeKind.DELETED if after is None else ChangeKind.UPDATED
        change = Change("posts", record.id, record.version, kind, before, after, str(self.sequence))
        if told:
            self.keeper.apply(self.catalog.get("posts"), [change])

    def night(self, slot: str = "2026-01-01T00:00:00.000Z", *, whole: bool = True) -> Job:
        assert begin(self.jobs, self.catalog, slot) == ["posts"]
        job = f"reconcile-{slot}-posts"
        for _ in range(20):
            done = self.runner.run(job, lambda: whole)
            if done is not None and done.finished:
                return done
        raise AssertionError("it never ends")

    def counted(self) -> dict[Any, tuple[int, Any]]:
        collection = self.catalog.get("posts")
        aggregate = collection.aggregates["by_author"]
        key = collection.fields["views"].key
        found = self.totals.totals(collection, aggregate, (), 100)
        return {one.values[0]: (one.count, one.sums.get(key, 0)) for one in found}


@pytest.mark.parametrize("whole", [True, False], ids=["in one slice", "a slice at a time"])
def test_what_was_never_told_is_found_and_mended(totals: Totals, whole: bool) -> None:
    house = House(totals)
    kept = [house.write(None, author="ann", views=n) for n in range(3)]
    house.write(None, told=False, author="bob", views=7)
    house.write(kept[0], told=False, views=10)
    house.write(kept[1], told=False)
    done = house.night(whole=whole)
    assert (done.status, done.result["mended"]) == (Status.DONE, 3)
    assert len(done.report) == 3
    assert {fault.code for fault in done.report} == {"drift"}
    assert house.counted() == {"ann": (2, 12), "bob": (1, 7)}
    assert 5.0 in house.pauses
    again = house.night("2026-01-02T00:00:00.000Z")
    assert again.result["mended"] == 0


def test_nothing_is_mended_where_nothing_drifted(totals: Totals) -> None:
    house = House(totals)
    house.write(house.write(None, author="ann", views=1), views=2)
    house.write(house.write(None, author="ann", views=1))
    done = house.night()
    assert done.result == {"records": 1, "mended": 0, "removed": 0}
    assert 5.0 not in house.pauses


def test_a_change_that_comes_after_the_mending_counts_once(totals: Totals) -> None:
    house = House(totals)
    one = house.write(None, told=False, author="ann", views=1)
    record = house.store.get(house.catalog.get("posts"), one)
    house.night()
    house._tell(None, record, told=True)
    assert house.counted() == {"ann": (1, 1)}


def test_what_is_no_longer_declared_is_removed(totals: Totals) -> None:
    least = {"group": ["author"], "min": ["views"]}
    document = {**DOCUMENT, "aggregates": {**DOCUMENT["aggregates"], "least": least}}
    house = House(totals, document)
    for number in range(5):
        house.write(None, author=f"a{number % 2}", views=number)
    before = house.catalog.get("posts")
    house.catalog.save(load(DOCUMENT, previous=before))
    removed = house.night().result["removed"]
    gone = before.aggregates["least"]
    assert totals.totals(before, gone, (), 100) == [] or isinstance(totals, MemoryTotals)
    assert removed == (0 if isinstance(totals, MemoryTotals) else 7)
    assert {author: count for author, (count, _) in house.counted().items()} == {"a0": 3, "a1": 2}


def test_a_group_without_records_is_removed_and_may_come_back(table: str) -> None:
    house = House(DynamoTotals(transport(), table))
    house.write(house.write(None, author="ann", views=1))
    assert house.counted() == {}
    assert house.night().result["removed"] == 1
    house.write(None, author="ann", views=4)
    assert house.counted() == {"ann": (1, 4)}


def test_a_mark_that_another_writes_meanwhile_is_read_again(totals: Totals) -> None:
    house = House(totals)
    one = house.write(None, told=False, author="ann", views=1)
    collection = house.catalog.get("posts")
    reads = []

    class Racing(Aggregates):
        """Another consumer comes in between a mark's reading and its writing, once."""

    def read(collection: Any, record_id: str) -> Record | None:
        record = house.store.get(collection, record_id)
        if not reads:
            reads.append(record_id)
            assert record is not None
            change = Change("posts", one, 1, ChangeKind.CREATED, None, record, "1")
            house.keeper.apply(collection, [change])
        return record

    Racing(totals, house.catalog.get, read).mend(collection, [one])
    assert house.counted() == {"ann": (1, 1)}
    assert totals.marks(collection, [one])[one] == replace(
        totals.marks(collection, [one])[one], sequence="1", revision=1
    )
    assert totals.marks(collection, ["0" * 20])["0" * 20] == Mark("0" * 20)
