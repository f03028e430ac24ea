"""Jobs as the table and the twin keep them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from covey.jobs.model import Fault, Job, Status
from covey.jobs.ports import JobStore
from covey.records.time import now_ms
from covey.store import keys
from covey.store.models.job import DynamoJobStore, JobEntry
from covey.testing.jobs import MemoryJobStore

KINDS: dict[str, Callable[[], JobStore]] = {"table": DynamoJobStore, "memory": MemoryJobStore}


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest) -> JobStore:
    if request.param == "table":
        request.getfixturevalue("table")
    return KINDS[request.param]()


def job(job_id: str, **changes: object) -> Job:
    return replace(Job(job_id, "import", "user:ann", created=now_ms()), **changes)  # type: ignore[arg-type]


def test_a_job_comes_back_as_it_was_kept(store: JobStore) -> None:
    kept = job(
        "1",
        roles=("editor",),
        status=Status.RUNNING,
        position={"offset": 7, "header": ["a", "b"]},
        detail={"ratio": Decimal("0.25"), "columns": {"x": None}},
        report=(Fault(3, "bad", "is bad", "name"),),
    )
    assert store.create(kept)
    assert store.get("1") == kept
    assert store.get("2") is None


def test_an_id_is_given_once(store: JobStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: store.create(job("slot")), range(8)))
    assert made.count(True) == 1


def test_a_job_that_is_made_twice_is_listed_once(store: JobStore) -> None:
    first = job("slot")
    assert store.create(first)
    assert not store.create(replace(first, created=first.created + 60_000))
    assert not store.create(first)
    assert [one.created for one in store.list("user:ann", 10)] == [first.created]


def test_a_job_whose_maker_died_is_listed_once(table: str) -> None:
    store = DynamoJobStore()
    JobEntry(*keys.job_of("user:ann", "000001700000000 1"), expires=9_999_999_999).save()
    store.create(job("1"))
    assert [one.id for one in store.list("user:ann", 9)] == ["1"]


def test_of_two_saves_of_one_revision_one_is_lost(store: JobStore) -> None:
    first = job("1")
    store.create(first)
    saved = store.save(first, replace(first, done=1))
    assert saved is not None
    assert store.save(first, replace(first, done=2)) is None
    again = store.save(saved, replace(saved, done=3))
    assert again is not None
    assert again == store.get("1")
    assert again.done == 3


def test_owners_see_their_newest_jobs_first(store: JobStore) -> None:
    for number in range(5):
        store.create(job(str(number), created=now_ms() + number))
    store.create(job("other", owner="user:ben"))
    assert [one.id for one in store.list("user:ann", 3)] == ["4", "3", "2"]
    assert store.list("user:nobody", 3) == []
