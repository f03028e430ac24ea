"""Starts builds: a job for parts of a collection that its records lack."""

from __future__ import annotations

from covey.errors import NotFound
from covey.identity.principal import SYSTEM
from covey.jobs.service import Jobs

KIND = "backfill"


class Backfills:
    """`covey.collections.apply.Builder` by the queue of jobs."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def begin(self, collection: str, version: int, parts: tuple[str, ...]) -> str:
        """As `Builder.begin`; Covey's own job, listed for administrators."""
        detail = {"collection": collection, "version": version, "parts": list(parts)}
        job = self._jobs.prepare(SYSTEM, KIND, detail)
        self._jobs.enqueue(job.id)
        return job.id

    def goes_on(self, job: str) -> bool:
        """As `Builder.goes_on`."""
        try:
            if self._jobs.get(SYSTEM, job).finished:
                return False
        except NotFound:
            return False
        return self._jobs.enqueue(job)
