"""A house of schedules in memory, its clock in the test's hands."""

from __future__ import annotations

from typing import Any

from covey.identity.principal import Kind, Principal
from covey.jobs.model import Job
from covey.jobs.runner import Runner
from covey.jobs.service import Jobs
from covey.schedules.runs import Runs
from covey.schedules.service import Schedules
from covey.schedules.tick import Tick
from covey.tasks.registry import Registry
from covey.tasks.service import Tasks
from covey.tasks.work import TaskWork
from covey.testing.jobs import MemoryJobStore
from covey.testing.queues import MemoryJobQueue
from covey.testing.tasks import MemoryScheduleStore, MemoryTaskStore

ROOT = Principal(Kind.ADMINISTRATOR, "root")
ANN = Principal(Kind.USER, "ann")
MINUTE = 60_000


class Clock:
    def __init__(self, ms: int) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms


class House:
    """Every part over twins; what tasks did is in `did`."""

    def __init__(self, now_ms: int = 1_795_392_000_000) -> None:  # 2026-11-23T00:00Z
        self.clock = Clock(now_ms)
        self.store, self.kept, self.queue = MemoryJobStore(), MemoryTaskStore(), MemoryJobQueue()
        self.schedule_store, self.registry = MemoryScheduleStore(), Registry()
        self.did: list[Any] = []
        self.registry.task("note")(self._note)
        self.jobs = Jobs(self.store, self.queue, now=self.clock)
        self.tasks = self.tasks_of(self.clock)
        self.runs = Runs(self.store, self.tasks, self.queue, now=self.clock)
        self.schedules = Schedules(
            self.schedule_store, self.runs, lambda: self.registry, now=self.clock
        )
        self.tick = Tick(self.schedule_store, self.runs, now=self.clock)
        work = TaskWork(
            lambda: self.registry, self.kept, now=self.clock, draw=lambda: 1.0, beat_s=0.02
        )
        self.runner = Runner(
            self.store,
            self.queue,
            {"task": work},
            now=self.clock,
            turn=self.runs.turn,
            bury=lambda job: self.kept.bury(job.id, job.created),
        )

    def _note(self, what: Any = None) -> Any:
        self.did.append(what)
        return what

    def tasks_of(self, clock: Any) -> Tasks:
        return Tasks(self.store, self.kept, self.queue, lambda: self.registry, now=clock)

    def put(self, name: str = "s", **document: Any) -> None:
        self.schedules.put(ROOT, name, {"task": "note", **document})

    def work(self, most: int = 1_000) -> int:
        """Deliver messages whose time has come until there are none; how many were delivered."""
        delivered = 0
        while delivered < most:
            due = [one for one in self.queue.sent if one[1] == 0]
            if not due:
                break
            self.queue.sent.remove(due[0])
            self.runner.run(due[0][0]["job"], lambda: True)
            delivered += 1
        return delivered

    def slots(self, name: str = "s") -> list[str]:
        """The slots that have a run, each as often as it has one."""
        found = self.schedule_runs(name)
        return sorted(job.detail["slot"] for job in found)

    def schedule_runs(self, name: str = "s") -> list[Job]:
        return self.store.list(f"system:schedule.{name}", 100_000)
