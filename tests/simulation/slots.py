"""Schedules whose ticks come late, twice, at once and after jumps of the clock: each slot once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from covey.identity.principal import Kind, Principal
from covey.jobs.model import Status
from covey.jobs.runner import Runner
from covey.records.time import rfc3339
from covey.schedules.runs import Runs
from covey.schedules.service import Schedules
from covey.schedules.tick import Tick
from covey.tasks.registry import Registry
from covey.tasks.service import Tasks
from covey.tasks.work import TaskWork
from covey.testing.jobs import MemoryJobStore
from covey.testing.tasks import MemoryScheduleStore, MemoryTaskStore
from tests.simulation.faults import Chance, Clock, Killed, Mortal, Queue

ROOT = Principal(Kind.ADMINISTRATOR, "root")
EVERY = {"minutely": 1, "hourly": 60, "odd": 7}
MINUTE = 60_000


class Slots:
    """Three schedules, the ticks that begin their slots, and a worker."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self.clock, self.chance = clock, chance
        self.store, kept, schedules = MemoryJobStore(), MemoryTaskStore(), MemoryScheduleStore()
        registry = Registry()
        self.did: Counter[str] = Counter()
        registry.task("note")(lambda name: self.did.update([name]))
        self.queue = Queue(clock, chance)
        store, queue = Mortal(self.store, chance), Mortal(self.queue, chance)
        tasks = Tasks(store, Mortal(kept, chance), queue, lambda: registry, now=clock)
        runs = Runs(store, tasks, queue, now=clock)
        service = Schedules(schedules, runs, lambda: registry, now=clock)
        for name, minutes in EVERY.items():
            document: dict[str, Any] = {
                "task": "note",
                "arguments": {"name": name},
                "every": f"{minutes} minutes",
                "catch_up": "all",
                "catch_up_limit": 100,
                "overlap": "allow",
            }
            chance.kind = True
            service.put(ROOT, name, document)
            chance.kind = False
        self.tick = Tick(Mortal(schedules, chance), runs, now=clock)
        self.tasks = tasks
        work = TaskWork(lambda: registry, kept, now=clock, draw=lambda: 0.5, beat_s=1.0)
        self.runner = Runner(
            store,
            queue,
            {"task": work},
            now=clock,
            turn=runs.turn,
            bury=lambda job: kept.bury(job.id, job.created),
        )
        self.began = clock.ms
        self.last = 0
        self.killed = 0

    def look(self) -> None:
        """What comes each minute, about: not at all, once, or twice."""
        if self.clock.ms - self.last < MINUTE and not self.chance(0.1):
            return
        self.last = self.clock.ms
        for _ in range(1 + self.chance(0.2)):
            try:
                self.tick.run()
            except Killed:
                self.killed += 1

    def work(self) -> None:
        """Whatever is due."""
        self.queue.deliver(lambda message: self.runner.run(message["job"], lambda: True))

    def settle(self) -> None:
        """One tick more, and all work done."""
        self.ended = self.clock.ms
        self.tick.run()
        while (at := self.queue.next) is not None:
            self.clock.ms = max(self.clock.ms, at)
            self.work()

    def agrees(self) -> None:
        """A slot is one run, and none is missing."""
        for name, minutes in EVERY.items():
            jobs = self.store.list(f"system:schedule.{name}", 1_000_000)
            slots = Counter(job.detail["slot"] for job in jobs)
            step = minutes * MINUTE
            first = (self.began // step + 1) * step
            wanted = [rfc3339(at) for at in range(first, self.ended + 1, step)]
            assert sorted(slots.elements())[: len(wanted)] == wanted, name
            undone = [job.id for job in jobs if job.status is not Status.DONE]
            assert not undone
            assert self.did[name] >= len(wanted)
