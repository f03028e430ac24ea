"""Where jobs are kept: the port."""

from __future__ import annotations

from typing import Protocol

from covey.jobs.model import Job


class JobStore(Protocol):
    """Keeps jobs; implemented by `covey.store.models.job` and `covey.testing.jobs`."""

    def create(self, job: Job) -> bool:
        """Keep a new job; False when its id is taken, which is how a slot runs once."""
        ...

    def get(self, job_id: str) -> Job | None:
        """The job, read consistently."""
        ...

    def save(self, before: Job, after: Job) -> Job | None:
        """Replace `before` if nobody did meanwhile; the job as saved, or None when lost."""
        ...

    def list(self, owner: str, limit: int) -> list[Job]:
        """The newest jobs of an owner, newest first."""
        ...
