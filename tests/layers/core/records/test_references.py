"""What deleting a record does to those that refer to it: restrict, cascade, clear."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from covey.collections import Catalog, load
from covey.collections.apply import apply, plan
from covey.errors import Conflict, CoveyError, Invalid, NotFound
from covey.identity.principal import SYSTEM
from covey.jobs.backfill import Backfill, Pace
from covey.jobs.backfills import Backfills
from covey.jobs.cascade import Cascade, Cascades
from covey.jobs.model import Job, Status
from covey.jobs.runner import LEASE_MS, Runner
from covey.jobs.service import Jobs
from covey.records.batch import Batches
from covey.records.model import Change, ChangeKind, Record
from covey.records.operations import parse_batch
from covey.records.ports import RecordStore
from covey.records.service import Records
from covey.store.rebuilding import DynamoRebuilder
from covey.store.records import DynamoRecordStore
from covey.store.transport import transport
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.jobs import MemoryJobStore
from covey.testing.queues import MemoryJobQueue
from covey.testing.records import MemoryRecordStore
from tests.layers.core.records.world import ADMIN, user

ANYONE = {"read": "true", "create": "true", "update": "true", "delete": "true"}


def relation(to: str, on_delete: str, **more: Any) -> dict[str, Any]:
    return {"type": "relation", "to": to, "on_delete": on_delete, **more}


DOCUMENTS: tuple[dict[str, Any], ...] = (
    {"name": "teams", "ids": "custom", "fields": {"name": {"type": "text"}}, "rules": ANYONE},
    {
        "name": "people",
        "fields": {
            "name": {"type": "text"},
            "team": relation("teams", "restrict"),
            "friend": relation("people", "clear"),
            "hidden": {"type": "bool"},
        },
        "rules": {**ANYONE, "read": "hidden != true"},
    },
    {
        "name": "posts",
        "fields": {
            "title": {"type": "text"},
            "author": relation("people", "cascade"),
            "readers": relation("people", "clear", list=True),
        },
        "rules": ANYONE,
    },
    {
        "name": "comments",
        "fields": {
            "post": relation("posts", "cascade"),
            "answers": relation("comments", "cascade"),
        },
        "rules": {**ANYONE, "delete": "false"},
    },
    {"name": "audits", "fields": {"post": relation("posts", "restrict")}, "rules": ANYONE},
)


class House:
    """A service, its stream by hand, and a runner of jobs that is stepped by hand."""

    def __init__(self, store: RecordStore) -> None:
        self.ms = 1_800_000_000_000
        self.store = store
        self.catalog = Catalog(MemoryCatalogStore([load(one) for one in DOCUMENTS]))
        self.records = Records(store, self.catalog, pause=lambda _: None)
        self.job_store, self.queue = MemoryJobStore(), MemoryJobQueue()
        self.jobs = Jobs(self.job_store, self.queue, now=lambda: self.ms)
        self.cascades = Cascades(self.jobs, self.catalog, store)
        self.work = Cascade(self.catalog, store, lambda: self.records, now=lambda: self.ms)
        self.gone: list[Change] = []

    def add(self, into: str, **values: Any) -> str:
        return self.records.create(ADMIN, into, values).id

    def get(self, name: str, record_id: str) -> dict[str, Any] | None:
        try:
            return self.records.get(SYSTEM, name, record_id).document
        except NotFound:
            return None

    def delete(self, name: str, record_id: str, who: Any = ADMIN) -> None:
        """Remove a record; the stream tells of it."""
        self.records.delete(who, name, record_id)

    def tell(self, name: str, record_id: str) -> None:
        record = Record(record_id, 0, 0, 1)
        change = Change(name, record_id, 1, ChangeKind.DELETED, record, None, "7")
        collection = self.catalog.get(name)
        if self.cascades.wants(collection):
            self.cascades.apply(collection, [change])

    def runner(self) -> Runner:
        kinds = {"cascade": self.work}
        return Runner(self.job_store, self.queue, kinds, now=lambda: self.ms)

    def run(self, *, slices: bool = False) -> Job | None:
        """All jobs to their ends; the last of them."""
        last = None
        while self.queue.sent:
            body, _ = self.queue.sent.pop(0)
            last = self.runner().run(body["job"], lambda: not slices) or last
        return last


@pytest.fixture(params=["engine", "memory"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    if request.param == "memory":
        yield House(MemoryRecordStore())
    else:
        table = request.getfixturevalue("table")
        yield House(DynamoRecordStore(transport(), table))


def refused(call: Callable[[], Any]) -> CoveyError:
    with pytest.raises(CoveyError) as caught:
        call()
    return caught.value


def test_a_restricted_record_stays_until_nobody_refers_to_it(house: House) -> None:
    house.add("teams", id="red")
    ann = house.add("people", name="Ann", team="red")
    error = refused(lambda: house.delete("teams", "red"))
    assert (error.status, error.code) == (409, "restricted")
    assert error.detail == "A record refers to this one."
    assert [(one.field, one.message) for one in error.errors] == [
        ("people.team", f"people/{ann} refers to it")
    ]
    house.records.update(ADMIN, "people", ann, {"team": None})
    house.delete("teams", "red")
    assert house.get("teams", "red") is None


def test_who_deletes_learns_of_hidden_referrers_only_that_there_are_some(house: House) -> None:
    house.add("teams", id="red")
    house.add("people", team="red", hidden=True)
    error = refused(lambda: house.delete("teams", "red", user("ben")))
    assert (error.code, error.errors) == ("restricted", ())
    assert error.detail == "Records that you may not see refer to this one."


def test_a_reference_to_what_has_just_gone_is_refused(house: House) -> None:
    house.add("teams", id="red")
    house.delete("teams", "red")
    with pytest.raises(Invalid):
        house.add("people", team="red")


def test_a_record_made_again_under_its_id_is_referred_to_again(house: House) -> None:
    house.add("teams", id="red")
    house.delete("teams", "red")
    house.add("teams", id="red")
    house.add("people", team="red")
    assert refused(lambda: house.delete("teams", "red")).code == "restricted"


def test_a_cascade_takes_referrers_and_clears_what_is_to_be_cleared(house: House) -> None:
    ann, ben = house.add("people", name="Ann"), house.add("people", name="Ben")
    house.records.update(ADMIN, "people", ben, {"friend": ann})
    posts = [house.add("posts", author=ann, readers=[ben]) for _ in range(60)]
    kept = house.add("posts", author=ben, readers=[ben, ann])
    house.delete("people", ann)
    house.tell("people", ann)
    house.tell("people", ann)  # the stream may tell it twice
    job = house.run(slices=True)
    assert job is not None
    assert (job.status, job.done, job.failed) == (Status.DONE, 62, 0)
    assert [house.get("posts", one) for one in posts] == [None] * 60
    friend, post = house.get("people", ben), house.get("posts", kept)
    assert friend is not None
    assert "friend" not in friend
    assert post is not None
    assert post["readers"] == [ben]


def test_chains_and_circles_end(house: House) -> None:
    ann = house.add("people")
    post = house.add("posts", author=ann)
    first = house.add("comments", post=post)
    second = house.add("comments", answers=first)
    house.records.update(ADMIN, "comments", first, {"answers": second})
    house.delete("people", ann)
    for name, gone in [("people", ann), ("posts", post), ("comments", first), ("comments", second)]:
        assert house.get(name, gone) is None
        house.tell(name, gone)
        house.run()


def test_a_cascade_that_is_held_up_reports_it(house: House) -> None:
    ann = house.add("people")
    held, free = house.add("posts", author=ann), house.add("posts", author=ann)
    house.add("audits", post=held)
    house.delete("people", ann)
    house.tell("people", ann)
    job = house.run()
    assert job is not None
    assert (job.status, job.done, job.failed) == (Status.FAILED, 1, 1)
    assert [(one.code, one.field) for one in job.report] == [("restricted", "posts.author")]
    assert house.get("posts", free) is None
    assert house.get("posts", held) is not None


def test_a_cascade_leaves_those_that_refer_to_a_record_made_again(house: House) -> None:
    house.catalog.save(
        load(
            {"name": "people", "fields": {"team": relation("teams", "cascade")}},
            previous=house.catalog.get("people"),
        )
    )
    house.add("teams", id="red")
    ann = house.add("people", team="red")
    house.delete("teams", "red")
    house.add("teams", id="red")
    house.tell("teams", "red")
    house.run()
    assert house.get("people", ann) is not None


def test_a_cascade_goes_on_after_its_runner_died(house: House) -> None:
    ann = house.add("people")
    posts = [house.add("posts", author=ann) for _ in range(30)]
    house.delete("people", ann)
    house.tell("people", ann)
    body, _ = house.queue.sent.pop()
    work, saves = house.work, 0

    def dying(job: Job, save: Callable[[Job], Job], left: Callable[[], bool]) -> Job:
        def cut(job: Job) -> Job:
            raise KeyboardInterrupt

        return work(job, cut, left)

    runner = Runner(house.job_store, house.queue, {"cascade": dying}, now=lambda: house.ms)
    with pytest.raises(KeyboardInterrupt):
        runner.run(body["job"], lambda: True)
    assert saves == 0
    house.ms += LEASE_MS + 1
    house.queue.sent.append((body, 0))
    job = house.run()
    assert job is not None
    assert job.status is Status.DONE
    assert not any(house.get("posts", one) for one in posts)


def batch(house: House, *operations: dict[str, Any]) -> Any:
    batches = Batches(house.records, house.store, house.catalog)
    parsed = parse_batch({"atomic": True, "operations": list(operations)})
    return batches.atomic(ADMIN, parsed.operations, request={})


def test_a_batch_may_remove_a_record_with_its_referrers(house: House) -> None:
    house.add("teams", id="red")
    ann = house.add("people", team="red")
    red = {"method": "delete", "collection": "teams", "id": "red"}
    ann_too = {"method": "delete", "collection": "people", "id": ann}
    assert refused(lambda: batch(house, red, ann_too)).code == "restricted"
    batch(house, ann_too, red)
    assert house.get("teams", "red") is None


def test_a_batch_cannot_leave_a_referrer_that_it_makes(house: House) -> None:
    house.add("teams", id="red")
    made = {"method": "create", "collection": "people", "body": {"team": "red"}}
    red = {"method": "delete", "collection": "teams", "id": "red"}
    assert refused(lambda: batch(house, made, red)).code == "restricted"
    assert refused(lambda: batch(house, red, made)).code == "validation_failed"
    assert house.get("teams", "red") is not None


@pytest.mark.parametrize("round", range(6))
def test_a_referrer_and_the_end_of_its_target_never_both_win(table: str, round: int) -> None:
    house = House(DynamoRecordStore(transport(), table))
    house.add("teams", id="red")
    outcomes: list[str] = []
    ready = threading.Barrier(5)

    def attempt(name: str, act: Callable[[], Any]) -> None:
        ready.wait()
        try:
            act()
            outcomes.append(name)
        except (Conflict, Invalid, NotFound) as error:
            assert error.code in ("restricted", "validation_failed", "conflict", "not_found")

    acts = [("made", lambda: house.add("people", team="red"))] * 3
    acts += [("gone", lambda: house.delete("teams", "red"))] * 2
    threads = [threading.Thread(target=attempt, args=one) for one in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) in ({"made"}, {"gone"}), outcomes
    assert (house.get("teams", "red") is None) == ("gone" in outcomes)


def test_clear_is_refused_where_there_must_be_a_value() -> None:
    for more in ({"required": True}, {"list": True, "min_items": 1}):
        with pytest.raises(CoveyError) as caught:
            load({"name": "a", "fields": {"b": relation("a", "clear", **more)}})
        assert caught.value.errors[0].field == "fields.b.on_delete"


def test_references_of_records_from_before_are_found_once_they_are_built(table: str) -> None:
    wire = transport()
    house = House(DynamoRecordStore(wire, table))
    plain = {"name": "tasks", "fields": {"team": {"type": "relation", "to": "teams"}}}
    house.catalog.save(load(plain))
    house.add("teams", id="red")
    tasks = [house.add("tasks", team="red") for _ in range(3)]
    fields = {"team": relation("teams", "restrict")}
    planned = plan(house.catalog, {**plain, "fields": fields})
    assert [change.needs_backfill for change in planned.changes] == [True]
    builder = Backfills(house.jobs)
    apply(house.catalog, planned, is_empty=lambda _: False, builder=builder)
    error = refused(lambda: house.delete("teams", "red"))
    assert "until `on_delete` of tasks.team is built" in error.detail
    backfill = Backfill(
        house.catalog,
        house.store,
        DynamoRebuilder(wire, table),
        Pace(0, 1_000),
        now=lambda: house.ms,
    )
    runner = Runner(house.job_store, house.queue, {"backfill": backfill}, now=lambda: house.ms)
    while house.queue.sent:
        runner.run(house.queue.sent.pop(0)[0]["job"], lambda: True)
        house.ms += LEASE_MS
    assert not house.catalog.get("tasks").builds
    assert len(refused(lambda: house.delete("teams", "red")).errors) == 3
    for task in tasks:
        house.delete("tasks", task)
    house.delete("teams", "red")
