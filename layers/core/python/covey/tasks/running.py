"""The task that runs, as its own code sees it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field

from covey.tasks.lines import Lines


class GiveUp(Exception):
    """Raised by a task that no further attempt will help: it goes to the dead letters at once."""


class TimedOut(Exception):
    """Raised inside a task whose time is over."""


class Cancelled(Exception):
    """Raised inside a task that somebody cancelled, or another runner has taken over."""


@dataclass(slots=True)
class Run:
    """One attempt. `id` is the same in all attempts: what a task does once, it does by that.

    `schedule` and `slot` (RFC 3339) are empty for what was queued by code.
    """

    id: str
    task: str
    attempt: int
    schedule: str
    slot: str
    lines: Lines
    done: int = 0
    total: int = 0
    cancelled: bool = field(default=False)

    def log(self, text: object) -> None:
        """Say a line, for whoever looks at the job; what `logging` says is kept too."""
        self.lines.add(text)

    def progress(self, done: int, total: int) -> None:
        """Say how far it is."""
        self.done, self.total = max(0, int(done)), max(0, int(total))

    def check(self) -> None:
        """Raise Cancelled when it is to stop: for loops."""
        if self.cancelled:
            raise Cancelled


_current: ContextVar[Run | None] = ContextVar("covey_run", default=None)


def running() -> Run:
    """The task that runs here; raises LookupError outside of one."""
    found = _current.get()
    if found is None:
        raise LookupError("no task is running here")
    return found


def enter(run: Run) -> None:
    """Let this context be that of a run."""
    _current.set(run)


def is_here(run: Run) -> bool:
    """Whether this context is that of the run."""
    return _current.get() is run
