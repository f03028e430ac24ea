"""What is due, held and given up, and schedules, as the table and the twin keep them."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from covey.identity.principal import Kind, Principal
from covey.records.time import now_ms
from covey.schedules.model import CatchUp, Overlap, Schedule, Source
from covey.schedules.ports import ScheduleStore
from covey.schedules.runs import Runs
from covey.schedules.service import Schedules
from covey.schedules.tick import Tick
from covey.store.models.job import DynamoJobStore
from covey.store.models.schedule import DynamoScheduleStore
from covey.store.models.task import DynamoTaskStore
from covey.tasks.ports import Due, Held, TaskStore
from covey.tasks.registry import Registry
from covey.tasks.service import Order, Tasks
from covey.testing.queues import MemoryJobQueue
from covey.testing.tasks import MemoryScheduleStore, MemoryTaskStore

TASKS: dict[str, Callable[[], TaskStore]] = {"table": DynamoTaskStore, "memory": MemoryTaskStore}
SCHEDULES: dict[str, Callable[[], ScheduleStore]] = {
    "table": DynamoScheduleStore,
    "memory": MemoryScheduleStore,
}
ROOT = Principal(Kind.ADMINISTRATOR, "root")


@pytest.fixture(params=TASKS)
def store(request: pytest.FixtureRequest) -> TaskStore:
    if request.param == "table":
        request.getfixturevalue("table")
    return TASKS[request.param]()


@pytest.fixture(params=SCHEDULES)
def schedules(request: pytest.FixtureRequest) -> ScheduleStore:
    if request.param == "table":
        request.getfixturevalue("table")
    return SCHEDULES[request.param]()


def test_what_is_due_is_told_in_the_order_of_its_time_until_it_is_settled(
    store: TaskStore,
) -> None:
    notes = [Due(1_000 + number, f"job-{number}", "low") for number in range(10)]
    for note in (*notes, Due(5_000, "later")):
        store.plan(note)
        store.plan(note)
    assert list(store.due(1_009, 100)) == notes
    assert list(store.due(999, 100)) == []
    assert store.due(10_000, 8)
    for note in notes:
        store.settle(note)
        store.settle(note)
    assert list(store.due(9_999, 100)) == [Due(5_000, "later")]


def test_a_key_is_had_by_one_job_until_it_is_taken_from_it(store: TaskStore) -> None:
    first, second, third = Held("a", 1, 10**13), Held("b", 2, 10**13), Held("c", 3, 10**13)
    assert store.holder("k") is None
    assert store.claim("k", first)
    assert not store.claim("k", second)
    assert store.holder("k") == first
    assert store.claim("k", second, instead=first)
    assert not store.claim("k", third, instead=first)
    assert not store.claim("other", third, instead=first)
    assert store.holder("k") == second
    assert store.claim("other", third)


def test_of_twenty_that_want_a_key_one_gets_it(store: TaskStore) -> None:
    def take(number: int) -> bool:
        return store.claim("k", Held(f"job-{number}", number, 10**13))

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(take, range(20))).count(True) == 1
    held = store.holder("k")
    with ThreadPoolExecutor(20) as pool:
        again = pool.map(
            lambda n: store.claim("k", Held(f"new-{n}", 50 + n, 10**13), held), range(20)
        )
        assert list(again).count(True) == 1


def test_jobs_that_were_given_up_are_listed_newest_first(store: TaskStore) -> None:
    for number in range(5):
        store.bury(f"job-{number}", now_ms() // 1000 * 1000 + number)
    store.unbury("never", 1)
    assert list(store.buried(2)) == ["job-4", "job-3"]
    assert len(store.buried(100)) == 5


def test_a_job_that_is_taken_from_the_list_is_gone_from_it(store: TaskStore) -> None:
    store.bury("a", 1_795_392_000_000)
    store.bury("a", 1_795_392_000_000)
    store.unbury("a", 1_795_392_000_000)
    assert list(store.buried(10)) == []


def test_a_schedule_comes_back_as_it_was_kept(schedules: ScheduleStore) -> None:
    kept = Schedule(
        "nightly",
        cron="0 3 * * *",
        zone="Europe/Zurich",
        task="report",
        arguments={"to": ["a"], "n": None},
        catch_up=CatchUp.ALL,
        overlap=Overlap.QUEUE,
        retries=0,
        source=Source.CODE,
        since=now_ms(),
    )
    saved = schedules.save(None, kept)
    assert saved == replace(kept, revision=1)
    assert schedules.get("nightly") == saved
    assert schedules.get("other") is None
    assert schedules.save(None, kept) is None
    changed = schedules.save(saved, replace(kept, enabled=False))
    assert changed is not None
    assert (changed.revision, schedules.save(saved, kept)) == (2, None)
    schedules.save(None, replace(kept, name="a"))
    assert [one.name for one in schedules.all()] == ["a", "nightly"]
    assert not schedules.remove(saved)
    assert schedules.remove(changed)
    assert not schedules.remove(changed)
    assert [one.name for one in schedules.all()] == ["a"]


# ---- together, in the table


def test_twenty_ticks_at_once_begin_each_slot_once(table: str) -> None:
    registry, queue, clock = Registry(), MemoryJobQueue(), [1_795_392_000_000]
    registry.task("note")(lambda: None)

    def now() -> int:
        clock[0] += 1
        return clock[0]

    jobs, store = DynamoJobStore(), DynamoScheduleStore()
    tasks = Tasks(jobs, DynamoTaskStore(), queue, lambda: registry, now=now)
    runs = Runs(jobs, tasks, queue, now=now)
    service = Schedules(store, runs, lambda: registry, now=now)
    for overlap in ("allow", "skip"):
        service.put(ROOT, overlap, {"every": "1 minute", "task": "note", "overlap": overlap})
    clock[0] += 4 * 60_000
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: Tick(store, runs, now=now).run(), range(20)))
    for overlap, waiting in (("allow", 4), ("skip", 1)):
        found = jobs.list(f"system:schedule.{overlap}", 100)
        assert (len(found), len({job.id for job in found})) == (4, 4)
        assert sum(not job.finished for job in found) == waiting
    assert DynamoTaskStore().due(clock[0] + 10**6, 100) == []


def test_of_twenty_that_queue_one_key_all_get_one_job(table: str) -> None:
    registry, queue = Registry(), MemoryJobQueue()
    registry.task("note")(lambda: None)
    tasks = Tasks(DynamoJobStore(), DynamoTaskStore(), queue, lambda: registry)

    def queue_it(_: int) -> str:
        return tasks.enqueue("note", {}, Order(unique="k"))

    with ThreadPoolExecutor(20) as pool:
        found = set(pool.map(queue_it, range(20)))
    assert len(found) == 1
    assert {body["job"] for body, _ in queue.sent} == found


def test_of_twenty_that_cancel_and_finish_a_job_one_decides(table: str) -> None:
    from covey.errors import Conflict
    from covey.jobs.model import Job, Status
    from covey.jobs.runner import Runner, Save
    from covey.jobs.service import Jobs

    queue = MemoryJobQueue()
    store = DynamoJobStore()
    jobs = Jobs(store, queue)

    def work(job: Job, save: Save, _left: Callable[[], bool]) -> Job:
        job = save(replace(job, done=1))
        time.sleep(0.01)
        return save(replace(job, status=Status.DONE))

    for _ in range(5):
        job = jobs.prepare(ROOT, "count", {})

        def turn(number: int, job_id: str = job.id) -> str:
            if number % 2:
                found = Runner(store, queue, {"count": work}).run(job_id, lambda: True)
                return str(found.status) if found and found.status is Status.DONE else ""
            try:
                return str(jobs.cancel(ROOT, job_id).status)
            except Conflict:
                return ""

        with ThreadPoolExecutor(20) as pool:
            ends = [one for one in pool.map(turn, range(20)) if one]
        assert ends == [str(jobs.get(ROOT, job.id).status)]
