"""Jobs: start one, look at it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from covey.errors import BadRequest, Conflict, NotFound, Unauthenticated, Unavailable
from covey.identity.principal import SYSTEM, Kind, Principal
from covey.jobs.model import KEPT_SECONDS, Job, Status
from covey.jobs.ports import JobStore
from covey.jobs.queue import JobQueue
from covey.records.ids import IdMaker
from covey.records.time import now_ms

MAX_LISTED = 100
_ID = re.compile(r"[A-Za-z0-9:._-]{1,100}")
# What keeps records whole: half of it done is worse than all of it.
MUST_END = frozenset({"removal", "cascade"})
ATTEMPTS = 12  # to be faster than a runner that saves
SCHEDULED = ("sweep", "statistics")  # kinds that run by the clock, each with a list of its own


class Jobs:
    """Background work of one deployment."""

    def __init__(
        self, store: JobStore, queue: JobQueue, *, now: Callable[[], int] = now_ms
    ) -> None:
        self._store = store
        self._queue = queue
        self._now = now
        self._ids = IdMaker()

    def prepare(
        self, who: Principal, kind: str, detail: Mapping[str, Any], *, total: int = 0
    ) -> Job:
        """A new job that waits; `enqueue` lets it run. Guests cannot have jobs: Unauthenticated.

        `total` is how much work there seems to be.
        """
        if who.kind is Kind.GUEST:
            raise Unauthenticated("Sign in to start a job.")
        now = self._now()
        job = Job(
            id=self._ids.make(now),
            kind=kind,
            owner=who.scope,
            roles=who.roles,
            created=now,
            updated=now,
            detail=detail,
            total=total,
        )
        self._store.create(job)
        return job

    def begin(self, kind: str, job_id: str, detail: Mapping[str, Any]) -> None:
        """Covey's own job under this id, asked to run: made unless it is there already."""
        now = self._now()
        job = Job(job_id, kind, SYSTEM.scope, created=now, updated=now, detail=detail)
        self._store.create(job)
        self.enqueue(job_id)

    def enqueue(self, job_id: str) -> bool:
        """Ask for a waiting job to be run; False when there is none, or it ran already.

        At least once: a message more does no harm, as a runner takes a lease.
        """
        job = self._store.get(job_id) if _ID.fullmatch(job_id) else None
        if job is None or job.finished:
            return False
        self._queue.send(job.message)
        return True

    def get(self, who: Principal, job_id: str) -> Job:
        """A job of the caller's own; administrators see all. NotFound else."""
        job = self._store.get(job_id) if _ID.fullmatch(job_id) else None
        if job is None or not (who.sees_all or job.owner == who.scope):
            raise NotFound("job")
        return job

    def cancel(self, who: Principal, job_id: str) -> Job:
        """End a job of the caller's own, or any for administrators; the job as it is then.

        A runner loses the job with its next save: what it did since the one before is done, and
        not counted. Whoever writes first decides between this and the job's own end. Raises
        NotFound, Conflict ``job_finished`` or ``job_must_end``.
        """
        for _ in range(ATTEMPTS):
            job = self.get(who, job_id)
            if job.finished:
                raise Conflict(f"The job is {job.status} already.", code="job_finished")
            if job.kind in MUST_END:
                raise Conflict("Half of this would be worse than all of it.", code="job_must_end")
            now = self._now()
            after = replace(job, status=Status.CANCELLED, lease=0, updated=now, ended=now)
            if saved := self._store.save(job, after):
                return saved
        raise Unavailable("The job keeps saving; try again.")

    def list(self, who: Principal, *, system: bool = False, limit: int = 30) -> list[Job]:
        """The caller's newest jobs; `system` lists Covey's own, for administrators."""
        if who.kind is Kind.GUEST:
            raise Unauthenticated("Sign in to see your jobs.")
        if not 1 <= limit <= MAX_LISTED:
            raise BadRequest(f"limit is 1 to {MAX_LISTED}.", code="invalid_limit")
        if system and not who.sees_all:
            raise NotFound("job")
        if not system:
            return self._store.list(who.scope, limit)
        owners = (SYSTEM.scope, *(f"system:{kind}" for kind in SCHEDULED))
        found = [job for owner in owners for job in self._store.list(owner, limit)]
        return sorted(found, key=lambda job: (job.created, job.id), reverse=True)[:limit]

    def runs(self, kind: str, limit: int) -> Sequence[Job]:
        """The newest runs of a schedule, newest first."""
        return self._store.list(f"system:{kind}", limit)

    def once(self, kind: str, slot: str, *, kept: int = KEPT_SECONDS) -> Job | None:
        """Covey's own job of a schedule's slot; None when this slot has been run.

        The id is made of the slot, so that an event that is delivered twice finds it. A slot
        whose runner died before finishing is taken up again by the next delivery.
        """
        now = self._now()
        job = Job(
            id=f"{kind}-{slot}",
            kind=kind,
            owner=f"system:{kind}",
            status=Status.RUNNING,
            created=now,
            updated=now,
            started=now,
            detail={"slot": slot},
            kept=kept,
        )
        if self._store.create(job):
            return job
        known = self._store.get(job.id)
        return None if known is None or known.finished else known

    def finish(self, job: Job, result: Mapping[str, Any]) -> None:
        """Mark Covey's own job done."""
        now = self._now()
        done = replace(job, status=Status.DONE, result=result, updated=now, ended=now)
        self._store.save(job, done)
