"""A collection that is removed: gone at once, its records by a job, its name at last."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from covey.collections import Catalog, load
from covey.collections.apply import apply, plan
from covey.collections.catalog import Everything
from covey.collections.model import Collection
from covey.collections.removal import remove
from covey.errors import CoveyError, NotFound
from covey.identity.principal import SYSTEM
from covey.jobs.backfill import Pace
from covey.jobs.model import Job, Status
from covey.jobs.removal import Removal, begin
from covey.jobs.runner import LEASE_MS, Runner
from covey.jobs.service import Jobs
from covey.records.archive import Keeper, Place, Version
from covey.records.service import Records
from covey.store.archive import DynamoArchive
from covey.store.catalog import DynamoCatalogStore
from covey.store.rebuilding import DynamoRebuilder
from covey.store.records import DynamoRecordStore
from covey.store.transport import transport
from covey.testing.archive import MemoryArchive
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.jobs import MemoryJobStore
from covey.testing.queues import MemoryJobQueue
from covey.testing.rebuilding import MemoryRebuilder
from covey.testing.records import MemoryRecordStore

POSTS: dict[str, Any] = {
    "name": "posts",
    "fields": {"title": {"type": "text"}},
    "unique": [["title"]],
    "indexes": [["title"]],
    "history": True,
    "soft_delete": True,
}
NOTES = {"name": "notes", "fields": {"post": {"type": "relation", "to": "posts"}}}


class House:
    def __init__(self, catalog: Any, store: Any, rebuilder: Any, archive: Any) -> None:
        self.ms = 1_800_000_000_000
        self.catalog, self.store, self.rebuilder = Catalog(catalog, ttl=0), store, rebuilder
        self.archive = archive
        self.make()
        self.records = Records(store, self.catalog, archive=archive)
        self.job_store, self.queue = MemoryJobStore(), MemoryJobQueue()
        self.jobs = Jobs(self.job_store, self.queue, now=lambda: self.ms)

    def make(self) -> Collection:
        planned = plan(self.catalog, POSTS)
        return apply(self.catalog, planned, is_empty=lambda _: True, builder=None)

    def fill(self, count: int) -> list[str]:
        names = [f"t{n}" for n in range(count)]
        return [self.records.create(SYSTEM, "posts", {"title": n}).id for n in names]

    def remove(self, *, confirmed: bool = True) -> str:
        start = lambda name, version: begin(self.jobs, name, version)  # noqa: E731
        return remove(self.catalog, "posts", begin=start, confirmed=confirmed)

    def run(self, *, slices: bool = False) -> Job:
        work = Removal(
            self.catalog,
            self.store,
            self.rebuilder,
            self.archive,
            Pace(40, 1_000),
            now=lambda: self.ms,
        )
        runner = Runner(self.job_store, self.queue, {"removal": work}, now=lambda: self.ms)
        job = None
        while self.queue.sent:
            body, _ = self.queue.sent.pop(0)
            job = runner.run(body["job"], lambda: not slices) or job
            self.ms += LEASE_MS
        assert job is not None
        return job


@pytest.fixture(params=["engine", "memory"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    if request.param == "memory":
        store = MemoryRecordStore()
        archive = MemoryArchive(store, time.time)
        yield House(MemoryCatalogStore(), store, MemoryRebuilder(store), archive)
        return
    table = request.getfixturevalue("table")
    wire = transport()
    yield House(
        DynamoCatalogStore(wire, table),
        DynamoRecordStore(wire, table),
        DynamoRebuilder(wire, table),
        DynamoArchive(wire, table),
    )


def refused(call: Any) -> CoveyError:
    with pytest.raises(CoveyError) as caught:
        call()
    return caught.value


def test_it_wants_to_be_confirmed(house: House) -> None:
    assert refused(lambda: house.remove(confirmed=False)).code == "destructive_change"
    assert house.catalog.get("posts")
    assert not house.queue.sent


def test_it_is_gone_at_once_and_its_name_free_at_last(house: House) -> None:
    ids = house.fill(130)
    before = house.catalog.get("posts")
    house.remove()
    with pytest.raises(NotFound):
        house.catalog.get("posts")
    with pytest.raises(NotFound):
        house.records.get(SYSTEM, "posts", ids[0])
    assert "posts" not in [one.name for one in house.catalog.all()]
    assert Everything(house.catalog).get("posts").ending
    assert refused(lambda: plan(house.catalog, POSTS)).code == "collection_ending"
    job = house.run(slices=True)
    assert (job.status, job.done) == (Status.DONE, 130)
    assert house.store.count(before) == 0
    assert house.store.find_unique(before, ("title",), ("t1",)) is None
    house.catalog.save(plan(house.catalog, POSTS).after)
    house.fill(3)
    assert house.store.count(house.catalog.get("posts")) == 3


def test_a_late_writer_s_record_goes_too(house: House) -> None:
    stale = house.catalog.get("posts")
    house.fill(2)
    house.remove()
    Records(house.store, Catalog(MemoryCatalogStore([stale]))).create(
        SYSTEM, "posts", {"title": "late"}
    )
    assert house.run().done == 3


def test_what_others_refer_to_stays(house: House) -> None:
    house.catalog.save(load(NOTES))
    error = refused(house.remove)
    assert (error.code, error.errors[0].field) == ("collection_referred", "notes.post")
    catalog = house.catalog
    error = refused(lambda: remove(catalog, "users", begin=lambda *_: "", confirmed=True))
    assert error.code == "collection_referred"


def test_every_version_is_kept_and_its_end_too(house: House) -> None:
    wider = {**POSTS, "description": "wide"}
    house.catalog.save(plan(house.catalog, wider).after)
    house.remove()
    house.run()
    past = house.catalog.past("posts")
    assert [one.number for one in past] == [4, 3, 2, 1]
    assert past[0].document is None
    assert past[-1].document is not None
    assert load(past[-1].document) == load(POSTS)
    assert [one.number for one in house.catalog.past("posts", before=3, limit=1)] == [2]


def test_what_was_kept_of_it_is_not_that_of_another_of_its_name(house: House) -> None:
    kept, removed = house.fill(2)
    before = house.catalog.get("posts")
    record = house.store.get(before, kept)
    house.archive.keep(before, [Version(record, house.ms)])
    house.records.delete(SYSTEM, "posts", removed)
    assert [one.record.id for one in house.archive.all_buried(before, None, 10)] == [removed]
    house.remove()
    ending = Everything(house.catalog).get("posts")
    assert not Keeper(house.archive).wants(ending)
    house.run()
    assert house.archive.all_buried(before, None, 10) == []
    time.sleep(0.002)  # two lives do not begin in one millisecond
    again = house.make()
    assert again.born > before.born > 0
    place = Place(record.created, record.version)
    assert house.archive.version(before, kept, place) is not None
    assert house.archive.version(again, kept, place) is None
    assert house.catalog.get("posts").born == again.born
    changed = plan(house.catalog, {**POSTS, "indexes": []}).after
    assert changed.born == again.born
