"""Background tasks, and what runs by the clock."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from covey.wiring.callers import CallerServices

if TYPE_CHECKING:
    from covey.schedules.ports import ScheduleStore
    from covey.schedules.runs import Runs
    from covey.schedules.service import Schedules
    from covey.schedules.tick import Tick
    from covey.tasks.ports import TaskStore
    from covey.tasks.registry import Registry
    from covey.tasks.service import Tasks
    from covey.tasks.work import TaskWork


class ScheduleServices(CallerServices):
    """Background tasks, and what runs by the clock."""

    @cached_property
    def task_registry(self) -> Registry:
        """What the team's code offers to run; imports it."""
        from covey.tasks.registry import loaded

        return loaded()

    @cached_property
    def task_store(self) -> TaskStore:
        """What is due, unique or given up."""
        from covey.store.models.task import DynamoTaskStore

        return DynamoTaskStore()

    @cached_property
    def tasks(self) -> Tasks:
        """Background tasks: queue one."""
        from covey.tasks.service import Tasks

        return Tasks(self.job_store, self.task_store, self.job_queue, lambda: self.task_registry)

    @cached_property
    def task_work(self) -> TaskWork:
        """Background tasks: run one."""
        from covey.tasks.work import TaskWork

        return TaskWork(lambda: self.task_registry, self.task_store)

    @cached_property
    def schedule_store(self) -> ScheduleStore:
        """Where schedules are kept."""
        from covey.store.models.schedule import DynamoScheduleStore

        return DynamoScheduleStore()

    @cached_property
    def schedule_runs(self) -> Runs:
        """Slots as jobs."""
        from covey.schedules.runs import Runs

        return Runs(self.job_store, self.tasks, self.job_queue)

    @cached_property
    def schedules(self) -> Schedules:
        """Schedules: declare, change, look."""
        from covey.schedules.service import Schedules

        return Schedules(self.schedule_store, self.schedule_runs, lambda: self.task_registry)

    @cached_property
    def schedule_tick(self) -> Tick:
        """Finds what is due."""
        from covey.schedules.tick import Tick

        return Tick(self.schedule_store, self.schedule_runs)
