"""Indexes, unique tuples and expiry that are declared after the records, built by a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.collections import Catalog, builds, dump, load
from covey.collections.apply import apply, plan
from covey.collections.model import Collection, State
from covey.errors import Conflict, CoveyError, IndexRequired, Invalid
from covey.identity.principal import SYSTEM
from covey.jobs.backfill import Backfill, Pace
from covey.jobs.backfills import Backfills
from covey.jobs.model import Job, Status
from covey.jobs.runner import LEASE_MS, Runner
from covey.jobs.service import Jobs
from covey.records.emptiness import is_empty
from covey.records.rebuilding import Walk
from covey.records.service import Records
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.jobs import MemoryJobStore
from covey.testing.queues import MemoryJobQueue
from covey.testing.rebuilding import MemoryRebuilder
from covey.testing.records import MemoryRecordStore

SETTLE_S = 40.0
FIELDS = {
    "author": {"type": "text"},
    "title": {"type": "text"},
    "views": {"type": "integer"},
    "until": {"type": "datetime"},
}
PLAIN: dict[str, Any] = {"name": "posts", "fields": FIELDS}
BY_AUTHOR = {**PLAIN, "indexes": [["author", "views"]]}
UNIQUE = {**PLAIN, "unique": [["title"]]}


class House:
    """A deployment in memory: pushes, a stale writer, and a runner that is stepped by hand."""

    def __init__(self, document: Mapping[str, Any] = PLAIN, rate: int = 1_000_000) -> None:
        self.ms = 1_800_000_000_000
        self.kept = MemoryCatalogStore()
        self.catalog = Catalog(self.kept, ttl=0)
        self.catalog.save(load(document))
        self.store = MemoryRecordStore(clock=lambda: self.ms / 1000)
        self.rebuilder = MemoryRebuilder(self.store)
        self.records = Records(self.store, self.catalog, clock=lambda: self.ms)
        self.job_store, self.queue = MemoryJobStore(), MemoryJobQueue()
        self.jobs = Jobs(self.job_store, self.queue, now=lambda: self.ms)
        self.pauses: list[float] = []
        self.pace = Pace(SETTLE_S, rate)

    def create(self, **values: Any) -> str:
        return self.records.create(SYSTEM, "posts", values).id

    def fill(self, count: int) -> list[str]:
        return [self.create(author=f"a{n % 3}", title=f"t{n}", views=n) for n in range(count)]

    @property
    def collection(self) -> Collection:
        return self.catalog.get("posts")

    def push(self, document: Mapping[str, Any], *, queue: bool = True) -> Collection:
        return apply(
            self.catalog,
            plan(self.catalog, document),
            is_empty=partial(is_empty, self.store),
            builder=Backfills(self.jobs) if queue else None,
            confirmed=True,
        )

    def runner(self, rebuilder: Any = None) -> Runner:
        work = Backfill(
            self.catalog,
            self.store,
            rebuilder or self.rebuilder,
            self.pace,
            now=lambda: self.ms,
            pause=self.pauses.append,
        )
        return Runner(self.job_store, self.queue, {"backfill": work}, now=lambda: self.ms)

    def step(self, rebuilder: Any = None, *, whole: bool = False) -> bool:
        """Deliver the messages that are due, a slice each; whether there were any at all."""
        messages, self.queue.sent = self.queue.sent, []
        for body, delay_s in messages:
            self.ms += delay_s * 1000
            self.runner(rebuilder).run(body["job"], lambda: whole)
        return bool(messages)

    def build(self, rebuilder: Any = None) -> Job:
        """Run until no message is left; the newest job."""
        while self.step(rebuilder, whole=True):
            pass
        return self.job

    @property
    def job(self) -> Job:
        return self.jobs.list(SYSTEM, system=True)[0]

    def listed(self, author: str) -> list[str]:
        wanted = {"filter": f'author == "{author}"', "sort": "views", "limit": "200"}
        return [item["id"] for item in self.records.list(SYSTEM, "posts", wanted).items]

    def explained(self, **parameters: str) -> dict[str, Any]:
        return self.records.explain(SYSTEM, "posts", parameters)


def test_an_index_over_records_is_built_by_a_job_and_not_read_before() -> None:
    house = House()
    ids = house.fill(7)
    pushed = house.push(BY_AUTHOR)
    assert [one["state"] for one in builds.described(pushed)] == ["building"]
    with pytest.raises(IndexRequired, match=r"\[author, views\]: it is being built"):
        house.listed("a0")
    told = house.explained(filter='author == "a0"')
    assert {"source": "index [author, views]", "reason": "it is being built"} in told["rejected"]
    done = house.build()
    assert (done.status, done.done, done.result["built"]) == (
        Status.DONE,
        7,
        ["index [author, views]"],
    )
    assert house.collection.builds == {}
    assert house.listed("a0") == ids[::3]
    assert [house.store.get(house.collection, one).version for one in ids] == [1] * 7  # type: ignore[union-attr]


def test_it_waits_until_no_writer_can_have_the_catalog_from_before() -> None:
    house = House()
    house.fill(2)
    before = house.collection
    house.push(BY_AUTHOR)
    began = house.ms
    house.step()
    [(_, delay)] = house.queue.sent
    assert delay >= SETTLE_S
    stale = House.__new__(House)
    stale.records = Records(house.store, Catalog(MemoryCatalogStore([before])))
    late = stale.records.create(SYSTEM, "posts", {"author": "a0", "views": 99}).id
    house.step()
    assert house.ms - began >= SETTLE_S * 1000
    house.build()
    assert house.listed("a0")[-1] == late


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("index", BY_AUTHOR),
        ("unique", UNIQUE),
        ("expiry", {**PLAIN, "fields": {**FIELDS, "until": {"type": "datetime", "expires": True}}}),
    ],
)
def test_an_empty_collection_is_ready_at_once_and_looked_through_later(
    name: str, document: Mapping[str, Any]
) -> None:
    house = House()
    before = house.collection
    assert house.push(document).builds == {}, name
    stale = Records(house.store, Catalog(MemoryCatalogStore([before])))
    until = "2026-01-01T00:00:00.000Z"
    stale.create(SYSTEM, "posts", {"author": "a0", "title": "x", "until": until})
    done = house.build()
    assert (done.status, done.done) == (Status.DONE, 1)
    found = house.rebuilder.walk(house.collection, "", 5).records
    assert [one.sound for one in found] == [True]


def test_without_a_queue_it_is_refused_with_the_reason() -> None:
    house = House()
    house.fill(1)
    with pytest.raises(Conflict, match="A job must bring this") as refused:
        house.push(BY_AUTHOR, queue=False)
    assert refused.value.code == "backfill_required"
    assert house.collection.indexes == ()


def test_clashes_fail_the_constraint_and_are_named_until_they_are_mended() -> None:
    house = House()
    first, second = house.create(title="same"), house.create(title="same")
    house.create(title="other")
    house.push({**UNIQUE, "indexes": [["author", "views"]]})
    failed = house.build()
    assert (failed.status, failed.failed, failed.done) == (Status.FAILED, 1, 2)
    assert failed.result == {"built": ["index [author, views]"], "failed": ["unique [title]"]}
    [fault] = failed.report
    assert (fault.code, fault.field) == ("unique_violation", "title")
    assert first in fault.message
    assert second in fault.message
    assert "push again" in failed.error
    [build] = house.collection.builds.values()
    assert build.state is State.FAILED
    with pytest.raises(CoveyError, match="taken"):
        house.create(title="same")
    told = house.explained(filter='title == "same"')
    assert {"source": "unique [title]", "reason": "its build failed"} in told["rejected"]
    house.records.update(SYSTEM, "posts", second, {"views": 3})  # its other fields go on
    house.records.update(SYSTEM, "posts", second, {"title": "different"})
    assert house.push({**UNIQUE, "indexes": [["author", "views"]]}).builds
    assert house.build().status is Status.DONE
    assert house.collection.builds == {}
    assert house.explained(filter='title == "same"')["source"] == "unique [title]"


def test_a_claim_of_a_constraint_that_was_taken_back_means_nothing() -> None:
    house = House(UNIQUE)
    gone = house.create(title="x")
    house.push(PLAIN)
    house.records.update(SYSTEM, "posts", gone, {"title": "y"})
    house.create(title="x")
    house.push(UNIQUE)
    assert house.build().status is Status.DONE


def test_a_claim_that_its_owner_has_lost_is_taken_over() -> None:
    house = House()
    known = house.create(title="x")
    before = house.collection
    house.push(UNIQUE)
    house.create(title="y")  # claims it
    [other] = [one["id"] for one in house.records.list(SYSTEM, "posts").items if one["id"] != known]
    stale = Records(house.store, Catalog(MemoryCatalogStore([before])))
    stale.update(SYSTEM, "posts", other, {"title": "z"})  # and lets go of it without knowing
    stale.update(SYSTEM, "posts", known, {"title": "y"})
    assert house.build().status is Status.DONE
    assert house.store.find_unique(house.collection, ("title",), ("y",)) == known


def test_a_value_too_long_for_a_key_fails_the_index_and_is_named() -> None:
    house = House()
    long = house.create(author="a", title="x" * 2_000)
    house.create(author="a", title="y")
    house.push({**PLAIN, "indexes": [["author", "title"], ["author", "views"]]})
    failed = house.build()
    assert failed.result == {
        "built": ["index [author, views]"],
        "failed": ["index [author, title]"],
    }
    assert long in failed.report[0].message
    house.records.update(SYSTEM, "posts", long, {"title": "x"})
    house.push({**PLAIN, "indexes": [["author", "title"], ["author", "views"]]})
    assert house.build().status is Status.DONE
    with pytest.raises(Invalid):
        house.create(author="a", title="x" * 2_000)


def test_a_job_whose_catalog_never_came_ends_without_a_trace() -> None:
    house = House()
    house.fill(3)

    def refuse(collection: Collection, expected: int) -> None:
        raise Conflict(code="catalog_changed")

    save, house.kept.save = house.kept.save, refuse  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        house.push(BY_AUTHOR)
    house.kept.save = save  # type: ignore[method-assign]
    done = house.build()
    assert (done.status, done.done, done.result["built"]) == (Status.DONE, 0, [])


def test_a_part_that_is_taken_back_meanwhile_is_let_go() -> None:
    house = House()
    house.fill(250)
    house.push(BY_AUTHOR)
    for _ in range(3):
        house.step()
    house.push(PLAIN)
    done = house.build()
    assert (done.status, done.result) == (Status.DONE, {"built": [], "failed": []})
    assert done.done < 250


def test_a_second_index_while_the_first_is_built() -> None:
    house = House()
    house.fill(250)
    house.push(BY_AUTHOR)
    for _ in range(3):
        house.step()
    house.push({**PLAIN, "indexes": [["author", "views"], ["title"]]})
    house.build()
    assert house.collection.builds == {}
    titles = house.records.list(SYSTEM, "posts", {"sort": "title", "limit": "200"})
    assert len(titles.items) == 200
    assert len(house.listed("a0")) == 84


def test_pushing_again_while_it_is_built_asks_for_the_same_job_again() -> None:
    house = House()
    house.fill(2)
    house.push(BY_AUTHOR)
    job = house.job.id
    house.queue.sent.clear()  # the message was lost
    house.push(BY_AUTHOR)
    assert [body["job"] for body, _ in house.queue.sent] == [job]
    assert house.build().id == job
    assert house.collection.builds == {}


def test_the_rate_is_kept() -> None:
    house = House(rate=50)
    house.fill(120)
    house.push(BY_AUTHOR)
    house.build()
    assert house.pauses == [1.0, 1.0, 0.4]


def test_progress_rises_and_ends_at_one() -> None:
    house = House(rate=20)
    house.fill(200)
    house.push(BY_AUTHOR)
    seen = []
    while house.step():
        seen.append(house.job.progress)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize("ids", ["auto", "custom"])
@pytest.mark.parametrize("shards", [1, 3])
def test_every_shard_is_walked(ids: str, shards: int) -> None:
    house = House({**PLAIN, "ids": ids})
    from dataclasses import replace

    from covey.collections.model import Epoch

    sharded = replace(house.collection, schedule=(Epoch(0, shards),), version=2)
    house.catalog.save(sharded)
    for number in range(250):
        given = {"id": f"p{number}"} if ids == "custom" else {}
        house.create(author="a", views=number, **given)
    house.push({**BY_AUTHOR, "ids": ids})
    assert house.build().done == 250
    page = house.records.list(
        SYSTEM, "posts", {"filter": 'author == "a"', "sort": "-views", "limit": "200"}
    )
    assert [item["views"] for item in page.items] == list(range(249, 49, -1))


def test_the_document_says_nothing_of_builds_and_the_state_all() -> None:
    from covey.collections import restore, state

    house = House()
    house.fill(1)
    pushed = house.push({**UNIQUE, "indexes": [["author"]]})
    assert "builds" not in dump(pushed)
    assert restore(state(pushed)) == pushed
    assert load(dump(pushed), previous=pushed) == pushed
    renamed = {**FIELDS, "name": {"type": "text", "was": "title"}}
    del renamed["title"]
    after = load({**PLAIN, "fields": renamed, "unique": [["name"]]}, previous=pushed)
    assert [one["part"] for one in builds.described(after)] == ["unique [name]"]


class Interrupted:
    """A rebuilder whose process dies at the n-th call."""

    def __init__(self, inner: MemoryRebuilder, at: int, after: bool) -> None:
        self._inner, self._left, self._after = inner, at, after

    def _count(self, call: Callable[[], Any]) -> Any:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise SystemExit
        answer = call()
        if self._left == 0:
            raise SystemExit
        return answer

    def walk(self, collection: Collection, place: str, limit: int) -> Walk:
        found: Walk = self._count(lambda: self._inner.walk(collection, place, limit))
        return found

    def mend(self, *given: Any, **named: Any) -> Any:
        return self._count(lambda: self._inner.mend(*given, **named))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 14))
def test_a_runner_that_dies_at_any_step_is_followed_by_another(at: int, after: bool) -> None:
    house = House(rate=3)
    ids = house.fill(9)
    house.push({**UNIQUE, "indexes": [["author", "views"]]})
    house.step()
    dying = Interrupted(house.rebuilder, at, after)
    try:
        house.step(dying, whole=True)
    except SystemExit:
        house.queue.send({"job": house.job.id})  # the queue delivers it again
        house.ms += LEASE_MS
    done = house.build()
    assert (done.status, done.done, done.failed) == (Status.DONE, 9, 0)
    assert house.collection.builds == {}
    assert house.listed("a0") == ids[::3]
    assert house.store.find_unique(house.collection, ("title",), ("t8",)) == ids[8]


class Overtaken:
    """A rebuilder that is overtaken by a writer before each of its first mends."""

    def __init__(self, house: House) -> None:
        self._house, self._left = house, 3

    def walk(self, collection: Collection, place: str, limit: int) -> Walk:
        return self._house.rebuilder.walk(collection, place, limit)

    def mend(self, collection: Collection, record: Any, unique: Any, **named: Any) -> Any:
        if self._left:
            self._left -= 1
            self._house.records.update(SYSTEM, "posts", record.id, {"views": {"$inc": 100}})
        return self._house.rebuilder.mend(collection, record, unique, **named)


def test_a_writer_that_is_faster_leaves_nothing_out() -> None:
    """A write that leaves a unique value alone claims nothing: the record is taken again."""
    house = House()
    [only] = house.fill(1)
    house.push({**UNIQUE, "indexes": [["author", "views"]]})
    assert house.build(Overtaken(house)).status is Status.DONE
    assert house.store.find_unique(house.collection, ("title",), ("t0",)) == only
    assert house.listed("a0") == [only]
    assert house.store.get(house.collection, only).values["views"] == 300  # type: ignore[union-attr]


AUTHORS, TITLES = st.sampled_from(["a", "b", None]), st.sampled_from(["x", "y", "z", "w", None])
WRITES = st.one_of(
    st.tuples(st.just("create"), AUTHORS, TITLES),
    st.tuples(st.just("update"), st.integers(0, 30), AUTHORS, TITLES),
    st.tuples(st.just("delete"), st.integers(0, 30)),
    st.just(("step",)),
)


def _write(house: House, there: list[str], write: tuple[Any, ...]) -> None:
    try:
        match write:
            case ("create", author, title):
                values = {"author": author, "title": title, "views": len(there)}
                there.append(house.create(**{k: v for k, v in values.items() if v is not None}))
            case ("update", at, author, title) if there:
                patch = {"author": author, "title": title}
                house.records.update(SYSTEM, "posts", there[at % len(there)], patch)
            case ("delete", at) if there:
                house.records.delete(SYSTEM, "posts", there[at % len(there)])
                there.pop(at % len(there))
            case ("step",):
                house.step()
    except Conflict as refused:
        assert refused.code == "unique_violation"


@settings(max_examples=120, deadline=None)
@given(st.lists(WRITES, max_size=25), st.lists(WRITES, max_size=40), st.integers(1, 4))
def test_whatever_is_written_meanwhile_the_index_lists_exactly_the_records(
    before: list[Any], meanwhile: list[Any], rate: int
) -> None:
    house, there = House(rate=rate), []
    for write in before:
        _write(house, there, write)
    house.push({**UNIQUE, "indexes": [["author", "-views"], ["title"]]})
    for write in meanwhile:
        _write(house, there, write)
    job = house.build()
    records = {one: house.store.get(house.collection, one) for one in there}
    for author in ("a", "b"):
        wanted = {one for one, r in records.items() if r and r.values.get("author") == author}
        query = {"filter": f'author == "{author}"', "sort": "-views", "limit": "200"}
        found = [item["id"] for item in house.records.list(SYSTEM, "posts", query).items]
        assert (set(found), len(found)) == (wanted, len(wanted))
    by_title = house.records.list(SYSTEM, "posts", {"sort": "title", "limit": "200"}).items
    assert {item["id"] for item in by_title} == set(there)
    titles = [r.values["title"] for r in records.values() if r and "title" in r.values]
    if len(set(titles)) < len(titles):
        assert State.FAILED in {build.state for build in house.collection.builds.values()}
        assert job.status is Status.FAILED
    if not house.collection.builds:
        for one, record in records.items():
            if record and "title" in record.values:
                title = (record.values["title"],)
                assert house.store.find_unique(house.collection, ("title",), title) == one
