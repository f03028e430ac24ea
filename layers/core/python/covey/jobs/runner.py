"""Runs one slice of a job, under a lease, and asks for the next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from covey.errors import CoveyError, Unavailable
from covey.insight import meter
from covey.insight.meter import Meter
from covey.jobs.model import Job, Status
from covey.jobs.ports import JobStore
from covey.jobs.queue import JobQueue
from covey.records.time import now_ms

LEASE_MS = 30_000
MAX_DELAY_S = 900  # of a message
BROKEN_TIMES = 4  # as often as its queue would hand out one message
AWAY_S = 5  # until another try, when the database was away


class Save(Protocol):
    """Keeps how far a slice has come; raises `LostLease` when another runner has the job."""

    def __call__(self, job: Job) -> Job:
        """The job as it is kept now."""
        ...


Work = Callable[[Job, Save, Callable[[], bool]], Job]
"""One slice: the job, how to save, whether there is time left. Returns the job as last saved,
its status DONE when nothing is left."""


_log = logging.getLogger(__name__)
OVERDUE = "It was not done in the time that it has."


class LostLease(Exception):
    """Another runner took the job over, or somebody cancelled it."""


class Runner:
    """Runs jobs by kind.

    A message may come twice, late or after the work is done: a lease by conditional write lets
    one runner at a time in, and every save renews it. A runner that dies leaves a lease that
    ends; its message may come back before that, so a message that meets a lease is sent again
    for when the lease has ended, as it may be the only one left.
    """

    def __init__(
        self,
        store: JobStore,
        queue: JobQueue,
        kinds: Mapping[str, Work],
        *,
        now: Callable[[], int] = now_ms,
        turn: Callable[[Job], int] = lambda _: 0,
        bury: Callable[[Job], None] = lambda _: None,
    ) -> None:
        """`turn(job)` says how many milliseconds a job must wait for others before it may begin;
        `bury(job)` lists one that is given up.
        """
        self._store = store
        self._queue = queue
        self._kinds = kinds
        self._now = now
        self._turn = turn
        self._bury = bury

    def run(self, job_id: str, time_left: Callable[[], bool]) -> Job | None:
        """One slice of a job; None when there is nothing to do. Unexpected errors come through."""
        job = self._store.get(job_id)
        if job is None or job.finished:
            return None
        if wait_until := self._not_yet(job):
            self._send(job, wait_until)
            return None
        if job.deadline and self._now() > job.deadline:
            return self._fail(job, OVERDUE)
        taken = self._take(job)
        job = self._slice(taken, time_left) if taken else None
        if job is None or job.finished:
            return job
        released = self._store.save(job, self._stamped(job))
        self._send(job, job.not_before)
        return released

    def _not_yet(self, job: Job) -> int:
        """Until when a job is to wait (milliseconds), or 0."""
        now, until = self._now(), max(job.lease, job.not_before)
        if now < until:
            return until
        wait_ms = self._turn(job)
        return now + wait_ms if wait_ms else 0

    def _slice(self, taken: Job, time_left: Callable[[], bool]) -> Job | None:
        """The job after a slice; None where another has it, or it comes again by itself."""
        spent = _Spent(meter.read())
        try:
            return self._kinds[taken.kind](taken, lambda job: self._save(job, spent), time_left)
        except LostLease:
            return None
        except Unavailable:
            # Nothing is wrong with the job. The lease goes, for the next try to come in.
            current = self._store.get(taken.id)
            if current is not None and not current.finished:
                self._store.save(current, self._stamped(current))
            self._queue.send(taken.message, delay_s=AWAY_S)
            return None
        except CoveyError as refused:
            current = self._store.get(taken.id) or taken
            return current if current.finished else self._fail(current, refused.detail)
        except Exception as broken:
            if not self._given_up(self._store.get(taken.id) or taken, broken):
                raise  # its message comes back
            return None

    def _given_up(self, job: Job, why: Exception) -> bool:
        """Count what nobody expected; True where it was the last time, and the job has failed."""
        if job.finished:
            return True
        counted = replace(job, broken=job.broken + 1)
        if counted.broken < BROKEN_TIMES:
            self._store.save(job, self._stamped(counted))
            return False
        _log.exception("job %s is given up", job.id)
        self._bury(job)
        error = f"It broke {counted.broken} times, at last by {type(why).__name__}."
        return self._fail(job, error, broken=counted.broken) is not None

    def _fail(self, job: Job, why: str, **changes: object) -> Job | None:
        ended = {"status": Status.FAILED, "error": why, "ended": self._now(), **changes}
        return self._store.save(job, self._stamped(job, **ended))

    def _send(self, job: Job, at: int) -> None:
        """Ask for the next slice, not before this millisecond."""
        ahead_ms = at - self._now()
        delay_s = min(MAX_DELAY_S, ahead_ms // 1000 + 1) if ahead_ms > 0 else 0
        self._queue.send(job.message, delay_s=delay_s)

    def _take(self, job: Job) -> Job | None:
        now = self._now()
        return self._store.save(
            job,
            self._stamped(
                job, status=Status.RUNNING, lease=now + LEASE_MS, started=job.started or now
            ),
        )

    def _save(self, job: Job, spent: _Spent) -> Job:
        now = self._now()
        lease, ended = (0, now) if job.finished else (now + LEASE_MS, 0)
        changes = {"lease": lease, "ended": ended, "cost": spent.added(job.cost)}
        saved = self._store.save(job, self._stamped(job, **changes))
        if saved is None:
            raise LostLease(job.id)
        return saved

    def _stamped(self, job: Job, **changes: object) -> Job:
        return replace(job, **{"updated": self._now(), "lease": 0, **changes})  # type: ignore[arg-type]


class _Spent:
    """What the database took since it was last asked, on top of what a job has spent."""

    def __init__(self, counted: Meter) -> None:
        self._counted = counted
        self._rru, self._wru = counted.rru, counted.wru

    def added(self, cost: Mapping[str, Any]) -> dict[str, float]:
        fresh = Meter(
            float(cost.get("rru", 0)) + self._counted.rru - self._rru,
            float(cost.get("wru", 0)) + self._counted.wru - self._wru,
        )
        self._rru, self._wru = self._counted.rru, self._counted.wru
        return {"rru": fresh.rru, "wru": fresh.wru, "usd": round(fresh.usd, 9)}
