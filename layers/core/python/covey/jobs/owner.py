"""As whom a job goes on: whoever started it, with the roles of now."""

from __future__ import annotations

from collections.abc import Callable

from covey.identity.principal import SYSTEM, Kind, Principal
from covey.jobs.model import Job


def owner_of(job: Job, user: Callable[[str], Principal]) -> Principal:
    """Its owner, by `user(the scope of a caller)`: a role that was taken away is gone here too.

    Raises Unauthenticated for one who is gone.
    """
    kind, _, _ = job.owner.partition(":")
    return SYSTEM if Kind(kind) is Kind.SYSTEM else user(job.owner)
