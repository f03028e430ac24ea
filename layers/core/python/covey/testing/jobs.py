"""A JobStore in memory, for tests."""

from __future__ import annotations

import threading
from dataclasses import replace

from covey.jobs.model import Job


class MemoryJobStore:
    """Passes the tests of the real store."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def create(self, job: Job) -> bool:
        """Keep a new job."""
        with self._lock:
            if job.id in self._jobs:
                return False
            self._jobs[job.id] = job
            return True

    def get(self, job_id: str) -> Job | None:
        """The job."""
        return self._jobs.get(job_id)

    def save(self, before: Job, after: Job) -> Job | None:
        """Replace it if nobody did meanwhile."""
        with self._lock:
            known = self._jobs.get(before.id)
            if known is None or known.revision != before.revision:
                return None
            saved = replace(after, revision=before.revision + 1)
            self._jobs[before.id] = saved
            return saved

    def list(self, owner: str, limit: int) -> list[Job]:
        """The newest jobs of an owner."""
        own = [job for job in self._jobs.values() if job.owner == owner]
        return sorted(own, key=lambda job: (job.created, job.id), reverse=True)[:limit]
