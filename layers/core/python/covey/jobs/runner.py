"""Runs one slice of a job, under a lease, and asks for the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from covey.errors import CoveyError, Unavailable
from covey.jobs.model import Job, Status
from covey.jobs.ports import JobStore
from covey.jobs.queue import JobQueue
from covey.records.time import now_ms

LEASE_MS = 30_000
MAX_DELAY_S = 900  # of a message
AWAY_S = 5  # until another try, when the database was away


class Save(Protocol):
    """Keeps how far a slice has come; raises `LostLease` when another runner has the job."""

    def __call__(self, job: Job) -> Job:
        """The job as it is kept now."""
        ...


Work = Callable[[Job, Save, Callable[[], bool]], Job]
"""One slice: the job, how to save, whether there is time left. Returns the job as last saved,
its status DONE when nothing is left."""


class LostLease(Exception):
    """Another runner took the job over."""


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
    ) -> None:
        self._store = store
        self._queue = queue
        self._kinds = kinds
        self._now = now

    def run(self, job_id: str, time_left: Callable[[], bool]) -> Job | None:
        """One slice of a job; None when there is nothing to do. Unexpected errors come through."""
        job = self._store.get(job_id)
        if job is None or job.finished:
            return None
        if self._now() < max(job.lease, job.not_before):
            self._send(job, max(job.lease, job.not_before))
            return None
        taken = self._take(job)
        if taken is None:
            return None
        try:
            job = self._kinds[job.kind](taken, self._save, time_left)
        except LostLease:
            return None
        except Unavailable:
            # Nothing is wrong with the job. The lease goes, for the next try to come in.
            current = self._store.get(job_id)
            if current is not None and not current.finished:
                self._store.save(current, self._stamped(current))
            self._queue.send({"job": job_id}, delay_s=AWAY_S)
            return None
        except CoveyError as refused:
            current = self._store.get(job_id) or taken
            return self._store.save(
                current, self._stamped(current, status=Status.FAILED, error=refused.detail)
            )
        if not job.finished:
            released = self._store.save(job, self._stamped(job))
            self._send(job, job.not_before)
            return released
        return job

    def _send(self, job: Job, at: int) -> None:
        """Ask for the next slice, not before this millisecond."""
        ahead_ms = at - self._now()
        delay_s = min(MAX_DELAY_S, ahead_ms // 1000 + 1) if ahead_ms > 0 else 0
        self._queue.send({"job": job.id}, delay_s=delay_s)

    def _take(self, job: Job) -> Job | None:
        leased = self._now() + LEASE_MS
        return self._store.save(job, self._stamped(job, status=Status.RUNNING, lease=leased))

    def _save(self, job: Job) -> Job:
        lease = 0 if job.finished else self._now() + LEASE_MS
        saved = self._store.save(job, self._stamped(job, status=job.status, lease=lease))
        if saved is None:
            raise LostLease(job.id)
        return saved

    def _stamped(self, job: Job, **changes: object) -> Job:
        return replace(job, **{"updated": self._now(), "lease": 0, **changes})  # type: ignore[arg-type]
