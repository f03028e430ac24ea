"""A slot becomes a job, alone or beside the one before it.

The job's id is made of the schedule and the slot, and is taken by a conditional write: so two
ticks, or one that is told twice, make one run. Where runs are not to overlap, the one under way has
a key of its own; it is free as soon as that job is finished.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from covey.identity.principal import Kind
from covey.jobs.model import DAY, Job, Status
from covey.jobs.ports import JobStore
from covey.jobs.queue import JobQueue
from covey.records.time import now_ms, rfc3339
from covey.schedules.model import Overlap, Schedule
from covey.tasks.service import Tasks
from covey.tasks.work import KIND as TASK

HELD_MS = 7 * DAY * 1000
STILL_MS = 5 * 60_000  # after which a run that nobody works on is asked for again
POLL_MS = 10_000  # until a run that waits for others looks again
LOOKED_AT = 100


class Runs:
    """The runs of schedules."""

    def __init__(
        self, jobs: JobStore, tasks: Tasks, queue: JobQueue, *, now: Callable[[], int] = now_ms
    ) -> None:
        self._jobs = jobs
        self._tasks = tasks
        self._queue = queue
        self._now = now

    def begin(self, schedule: Schedule, slot_s: int) -> Job:
        """Have a slot run, once however often this is called; the job, skipped or under way."""
        slot = rfc3339(slot_s * 1000)
        return self.start(schedule, self._job(schedule, f"run-{schedule.name}-{slot}", slot))

    def by_hand(self, schedule: Schedule, run_id: str, who: str) -> Job:
        """Have it run now; skipped where the schedule's runs do not overlap and one goes on."""
        job = self._job(schedule, f"run-{schedule.name}-{run_id}", "")
        return self.start(schedule, replace(job, detail={**job.detail, "by": who}))

    def start(self, schedule: Schedule, job: Job) -> Job:
        """Make the job and ask for it, unless it is to be skipped."""
        if schedule.overlap is Overlap.SKIP and (other := self._other(job)):
            self._nudge(other)
            error = f"Run {other} was under way."
            now = self._now()
            skipped = replace(job, status=Status.SKIPPED, error=error, ended=now)
            self._jobs.create(skipped)
            return self._jobs.get(job.id) or skipped
        self._tasks.start(job)
        return job

    def of(self, schedule: Schedule, limit: int) -> Sequence[Job]:
        """The newest runs."""
        return self._jobs.list(f"{Kind.SYSTEM}:{schedule.owner}", limit)

    def turn(self, job: Job) -> int:
        """How long a job must wait before it may begin, in milliseconds: `Runner`'s question."""
        if not job.detail.get("alone") or job.started:
            return 0
        if self._tasks.held(_key(job)) not in (None, job.id):
            return POLL_MS
        listed = self._jobs.list(job.owner, LOOKED_AT)
        mine = (job.created, job.id)
        if any(not one.finished and (one.created, one.id) < mine for one in listed):
            return POLL_MS
        return 0 if self._other(job) is None else POLL_MS

    def _other(self, job: Job) -> str | None:
        """The run that is under way; None where this one may be it, which it then is."""
        holder = self._tasks.claim(_key(job), job, self._now() + HELD_MS)
        return None if holder == job.id else holder

    def _nudge(self, job_id: str) -> None:
        """Ask again for a run that stands still: its message may be lost."""
        job = self._jobs.get(job_id)
        if job and not job.finished:
            still = self._now() - max(job.lease, job.not_before, job.updated)
            if still > STILL_MS:
                self._queue.send(job.message)

    def _job(self, schedule: Schedule, job_id: str, slot: str) -> Job:
        now = self._now()
        about: dict[str, Any] = {"schedule": schedule.name, "slot": slot}
        if schedule.overlap is not Overlap.ALLOW:
            about["alone"] = True
        if schedule.task:
            about |= {"task": schedule.task, "arguments": dict(schedule.arguments)}
            own = {"retries": schedule.retries, "timeout": schedule.timeout}
            about |= {name: value for name, value in own.items() if value is not None}
        else:
            about |= _BY_DEFAULT.get(schedule.job, {}) | dict(schedule.arguments)
        timeout = 0 if schedule.task else (schedule.timeout or 0)
        return Job(
            id=job_id,
            kind=TASK if schedule.task else schedule.job,
            owner=f"{Kind.SYSTEM}:{schedule.owner}",
            created=now,
            updated=now,
            detail=about,
            lane=schedule.priority if schedule.task else "",
            deadline=now + timeout * 1000 if timeout else 0,
        )


_BY_DEFAULT: dict[str, dict[str, Any]] = {"export": {"format": "jsonl"}}


def _key(job: Job) -> str:
    return f"schedule\0{job.detail['schedule']}"
