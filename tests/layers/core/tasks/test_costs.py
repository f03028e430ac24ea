"""What docs/guide/jobs.md says that tasks and runs cost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from covey.identity.principal import SYSTEM
from covey.insight import meter
from covey.jobs.runner import Runner
from covey.schedules.runs import Runs
from covey.schedules.service import Schedules
from covey.schedules.tick import Tick
from covey.store.models.job import DynamoJobStore
from covey.store.models.schedule import DynamoScheduleStore
from covey.store.models.task import DynamoTaskStore
from covey.tasks.registry import Registry
from covey.tasks.service import Order, Tasks
from covey.tasks.work import TaskWork
from covey.testing.queues import MemoryJobQueue

NOW = 1_795_392_000_000


class House:
    def __init__(self) -> None:
        self.ms, self.registry, self.queue = NOW, Registry(), MemoryJobQueue()
        self.registry.task("note")(lambda: None)
        self.jobs, self.store = DynamoJobStore(), DynamoTaskStore()
        self.tasks = Tasks(self.jobs, self.store, self.queue, lambda: self.registry, now=self.now)
        self.runs = Runs(self.jobs, self.tasks, self.queue, now=self.now)
        self.kept = DynamoScheduleStore()
        self.schedules = Schedules(self.kept, self.runs, lambda: self.registry, now=self.now)
        self.tick = Tick(self.kept, self.runs, now=self.now)
        work = TaskWork(lambda: self.registry, self.store, now=self.now)
        self.runner = Runner(self.jobs, self.queue, {"task": work}, now=self.now)

    def now(self) -> int:
        return self.ms


@pytest.fixture
def house(table: str) -> House:
    return House()


def cost(work: Callable[[], object]) -> tuple[float, float]:
    spent = meter.reset()
    work()
    return spent.rru, spent.wru


@pytest.mark.parametrize(("order", "writes"), [(Order(), 4), (Order(unique="k"), 5)])
def test_queueing_a_task(house: House, order: Order, writes: int) -> None:
    assert cost(lambda: house.tasks.enqueue("note", {}, order))[1] == writes


def test_a_long_delay_is_made_and_sent(house: House) -> None:
    assert cost(lambda: house.tasks.enqueue("note", {}, Order(delay=5_000)))[1] == 3
    house.ms += 5_000_000
    assert cost(lambda: house.tasks.send_due(lambda: True))[1] == 1


def test_running_a_task(house: House) -> None:
    job = house.tasks.enqueue("note", {})
    assert cost(lambda: house.runner.run(job, lambda: True)) == (1, 3)


@pytest.mark.parametrize(("overlap", "writes"), [("allow", 5), ("skip", 6)])
def test_beginning_a_slot(house: House, overlap: str, writes: int) -> None:
    house.schedules.put(SYSTEM, "s", {"task": "note", "every": "1 minute", "overlap": overlap})
    assert cost(house.tick.run)[1] == 0
    house.ms += 60_000
    assert cost(house.tick.run)[1] == writes
    assert cost(house.tick.run) == (1, 0)
