"""What is kept beside jobs for tasks and runs: the ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Due:
    """A job to be asked for: when (milliseconds), by which lane."""

    at: int
    job: str
    lane: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A claim on a key: the job that has it, since when and until when (milliseconds)."""

    job: str
    since: int
    until: int


class TaskStore(Protocol):
    """Implemented by `covey.store.models.task` and `covey.testing.tasks`."""

    def plan(self, due: Due) -> None:
        """Note that a job is to be asked for."""
        ...

    def due(self, until: int, limit: int) -> Sequence[Due]:
        """What is to be asked for up to a millisecond, some of each lane's oldest first."""
        ...

    def settle(self, due: Due) -> None:
        """Forget what has been asked for."""
        ...

    def claim(self, key: str, held: Held, instead: Held | None = None) -> bool:
        """Take a key that nobody has, or that is as `instead` says; False where it is not."""
        ...

    def holder(self, key: str) -> Held | None:
        """Who has a key, read consistently."""
        ...

    def bury(self, job: str, created: int) -> None:
        """List a job among those that were given up."""
        ...

    def unbury(self, job: str, created: int) -> None:
        """Take it from that list."""
        ...

    def buried(self, limit: int) -> Sequence[str]:
        """The jobs that were given up, those made last first."""
        ...
