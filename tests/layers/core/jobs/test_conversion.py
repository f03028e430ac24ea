"""A field that changes its type: its values converted by a job, or left as they are."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from covey.collections import Catalog, load
from covey.collections.apply import apply, plan
from covey.collections.model import Collection
from covey.errors import Conflict, CoveyError, Invalid
from covey.identity.principal import SYSTEM
from covey.jobs.backfill import Backfill, Pace
from covey.jobs.backfills import Backfills
from covey.jobs.model import Job, Status
from covey.jobs.runner import LEASE_MS, Runner
from covey.jobs.service import Jobs
from covey.records.emptiness import is_empty
from covey.records.service import Records
from covey.store.catalog import DynamoCatalogStore
from covey.store.rebuilding import DynamoRebuilder
from covey.store.records import DynamoRecordStore
from covey.store.transport import transport
from covey.testing.jobs import MemoryJobStore
from covey.testing.queues import MemoryJobQueue

TEXTS: dict[str, Any] = {
    "name": "posts",
    "fields": {"views": {"type": "text"}, "title": {"type": "text"}},
    "indexes": [["views"]],
}


def numbers(**more: Any) -> dict[str, Any]:
    fields = {"views": {"type": "integer"}, "title": {"type": "text"}}
    return {"name": "posts", "fields": fields, "rules": {"read": "views > 0"}, **more}


class House:
    def __init__(self, table: str) -> None:
        wire = transport()
        self.ms = 1_800_000_000_000
        self.catalog = Catalog(DynamoCatalogStore(wire, table), ttl=0)
        self.catalog.save(load(TEXTS))
        self.store = DynamoRecordStore(wire, table)
        self.rebuilder = DynamoRebuilder(wire, table)
        self.records = Records(self.store, self.catalog)
        self.job_store, self.queue = MemoryJobStore(), MemoryJobQueue()
        self.jobs = Jobs(self.job_store, self.queue, now=lambda: self.ms)

    def add(self, **values: Any) -> str:
        return self.records.create(SYSTEM, "posts", values).id

    def get(self, record_id: str) -> dict[str, Any]:
        document = self.records.get(SYSTEM, "posts", record_id).document
        return {name: document.get(name) for name in ("views", "title")}

    def push(self, document: dict[str, Any], *, queue: bool = True) -> Collection:
        return apply(
            self.catalog,
            plan(self.catalog, document),
            is_empty=partial(is_empty, self.store),
            builder=Backfills(self.jobs) if queue else None,
        )

    @property
    def type(self) -> str:
        return self.catalog.get("posts").fields["views"].type

    def run(self, steps: int = 1_000, *, slices: bool = False) -> list[Job]:
        work = Backfill(
            self.catalog,
            self.store,
            self.rebuilder,
            Pace(40, 100_000),
            begin=Backfills(self.jobs).begin,
            now=lambda: self.ms,
        )
        runner = Runner(self.job_store, self.queue, {"backfill": work}, now=lambda: self.ms)
        done = []
        while self.queue.sent and steps:
            job = runner.run(self.queue.sent.pop(0)[0]["job"], lambda: not slices)
            self.ms += LEASE_MS
            steps -= 1
            if job is not None and job.finished:
                done.append(job)
        return done


@pytest.fixture
def house(table: str) -> House:
    return House(table)


def test_the_values_are_converted_and_the_document_follows(house: House) -> None:
    ids = [house.add(views=f"{n}", title=f"t{n}") for n in range(12)]
    empty = house.add(title="none")
    wanted = numbers(indexes=[["views"]])
    planned = plan(house.catalog, wanted)
    assert "convert posts.views from text to integer where all values fit (backfills)" in [
        str(change) for change in planned.changes
    ]
    house.push(wanted)
    assert plan(house.catalog, wanted).changes == ()
    assert (house.type, house.get(ids[3])["views"]) == ("text", "3")
    jobs = house.run()
    assert [job.status for job in jobs] == [Status.DONE, Status.DONE]  # the values, the index
    assert jobs[0].result["built"] == ["views as integer"]
    assert house.type == "integer"
    assert [house.get(one)["views"] for one in ids] == list(range(12))
    assert house.get(empty) == {"views": None, "title": "none"}
    collection = house.catalog.get("posts")
    assert not collection.builds
    assert collection.rules.read is not None
    found = house.records.list(SYSTEM, "posts", {"filter": "views >= 10", "sort": "views"})
    assert [item["views"] for item in found.items] == [10, 11]


def test_writers_meanwhile_are_held_to_both(house: House) -> None:
    first, second = house.add(views="1"), house.add(views="2", title="two")
    house.push(numbers())
    with pytest.raises(Invalid) as caught:
        house.records.update(SYSTEM, "posts", first, {"views": "many"})
    assert caught.value.errors[0].field == "views"
    house.run(steps=2)
    house.records.update(SYSTEM, "posts", first, {"views": "11"})
    house.records.update(SYSTEM, "posts", second, {"title": "zwei"})
    third = house.add(views="3")
    assert house.get(first)["views"] == "11"
    house.run()
    assert house.type == "integer"
    assert [house.get(one)["views"] for one in (first, second, third)] == [11, 2, 3]
    assert house.get(second)["title"] == "zwei"


def test_values_that_do_not_fit_are_named_and_everything_stays(house: House) -> None:
    good, bad = house.add(views="1"), house.add(views="many")
    house.push(numbers())
    [job] = house.run()
    assert (job.status, job.failed) == (Status.FAILED, 1)
    assert [(one.code, one.field) for one in job.report] == [("wrong_type", "views")]
    assert f"Record {bad}: views must be a number" in job.report[0].message
    assert (house.type, house.get(bad)["views"]) == ("text", "many")
    house.records.update(SYSTEM, "posts", bad, {"views": "2"})
    house.push(numbers())  # the same again
    assert [one.status for one in house.run()] == [Status.DONE]
    assert [house.get(one)["views"] for one in (good, bad)] == [1, 2]


def test_it_can_be_given_up(house: House) -> None:
    record = house.add(views="many")
    house.push(numbers())
    house.run()
    planned = plan(house.catalog, TEXTS)
    assert [change.text for change in planned.changes] == [
        "give up converting posts.views to integer"
    ]
    house.push(TEXTS)
    assert not house.catalog.get("posts").converting
    house.records.update(SYSTEM, "posts", record, {"views": "even more"})
    assert plan(house.catalog, TEXTS).changes == ()


def test_a_runner_that_dies_between_any_two_saves_is_followed_by_another(house: House) -> None:
    ids = [house.add(views=f"{n}") for n in range(250)]
    house.push(numbers())
    assert house.run(slices=True)[-1].status is Status.DONE
    assert sorted(house.get(one)["views"] for one in ids) == list(range(250))


def test_without_a_queue_nothing_happens(house: House) -> None:
    with pytest.raises(Conflict) as caught:
        house.push(numbers(), queue=False)
    assert caught.value.code == "backfill_required"
    assert house.type == "text"


WAYS: list[tuple[dict[str, Any], Any, dict[str, Any], Any]] = [
    ({"type": "integer"}, 5, {"type": "text"}, "5"),
    ({"type": "bool"}, True, {"type": "text"}, "true"),
    ({"type": "text"}, "a", {"type": "choice", "choices": ["a"]}, "a"),
    ({"type": "text"}, "b", {"type": "choice", "choices": ["a"]}, None),
    ({"type": "text"}, "A@B.C", {"type": "email"}, "A@b.c"),
    ({"type": "text"}, "x", {"type": "url"}, None),
    ({"type": "text"}, "a", {"type": "text", "list": True}, ["a"]),
    ({"type": "date"}, "2026-01-31", {"type": "datetime"}, "2026-01-31T00:00:00.000Z"),
    ({"type": "datetime"}, "2026-01-31T00:00:01Z", {"type": "date"}, None),
    ({"type": "number"}, 5, {"type": "integer"}, 5),
    ({"type": "json"}, {"lat": 1, "lon": 2}, {"type": "geo"}, {"lat": 1, "lon": 2}),
    ({"type": "json"}, [1], {"type": "text"}, None),
]


@pytest.mark.parametrize(("old", "given", "new", "wanted"), WAYS)
def test_ways_from_type_to_type(
    house: House, old: dict[str, Any], given: Any, new: dict[str, Any], wanted: Any
) -> None:
    one = {"name": "things", "fields": {"it": old}}
    house.catalog.save(load(one))
    record = house.records.create(SYSTEM, "things", {"it": given})
    try:
        house.push({"name": "things", "fields": {"it": new}})
    except CoveyError as error:
        pytest.fail(error.detail)
    [job] = house.run()
    found = house.records.get(SYSTEM, "things", record.id).document["it"]
    if wanted is None:
        assert job.status is Status.FAILED
        assert found == record.document["it"]
    else:
        assert (job.status, found) == (Status.DONE, wanted)
