"""A job: one piece of background work, run in slices, with progress and a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from covey.records.time import rfc3339

REPORT_LIMIT = 200  # faults kept word for word; beyond, they are counted only
DAY = 86_400
KEPT_SECONDS = 30 * DAY


class Status(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"  # for its upload or its turn
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"  # by somebody who may, before it was finished
    SKIPPED = "skipped"  # a slot that came while the run before was under way


@dataclass(frozen=True, slots=True)
class Fault:
    """One row that could not be taken: its number (1 is the first row of data), why."""

    row: int
    code: str
    message: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is kept.

    `owner` is the scope of the principal that started it and may see it; `roles` are that
    principal's at the time. Times are milliseconds since the epoch. `revision` rises with
    each save and is the condition of the next. Until `lease` a runner holds it. `position`
    is where the next slice begins; `done` and `failed` count rows and are saved with it, so
    that a slice that is run again counts once. No slice begins before `not_before`, nor after
    `deadline`, where there is one. `attempt` counts how often a task was begun from the start,
    `broken` how often a slice ended as nobody expected. `lane` names the queue that it asks by.
    `cost` is what its slices have spent in the database, `log` the lines that it said, as
    `covey.tasks.lines` bounds them. It is forgotten `kept` seconds after `created`.
    """

    id: str
    kind: str
    owner: str
    roles: tuple[str, ...] = ()
    status: Status = Status.WAITING
    created: int = 0
    updated: int = 0
    revision: int = 0
    lease: int = 0
    not_before: int = 0
    total: int = 0
    done: int = 0
    failed: int = 0
    position: Mapping[str, Any] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    report: tuple[Fault, ...] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    kept: int = KEPT_SECONDS
    attempt: int = 0
    broken: int = 0
    started: int = 0
    ended: int = 0
    deadline: int = 0
    lane: str = ""
    cost: Mapping[str, Any] = field(default_factory=dict)
    log: tuple[str, ...] = ()

    @property
    def expires(self) -> int:
        """When it is forgotten, in seconds since the epoch."""
        return self.created // 1000 + self.kept

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.status not in (Status.WAITING, Status.RUNNING)

    @property
    def progress(self) -> float:
        """How much of the input is behind it, 0 to 1."""
        if self.finished:
            return 1.0
        return min(1.0, self.position.get("offset", 0) / self.total) if self.total else 0.0

    def advanced(self, faults: list[Fault], **changes: Any) -> Job:
        """The job with these changes and faults added to what is kept of the report."""
        kept = (*self.report, *faults)[:REPORT_LIMIT]
        return replace(self, report=kept, **changes)

    @property
    def message(self) -> dict[str, str]:
        """What asks for its next slice."""
        return {"job": self.id, "lane": self.lane} if self.lane else {"job": self.id}

    @property
    def seconds(self) -> float | None:
        """How long it took, from its first slice to its end; None before."""
        return (self.ended - self.started) / 1000 if self.ended and self.started else None

    def document(self) -> dict[str, Any]:
        """The job as its owner sees it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "status": str(self.status),
            "created": rfc3339(self.created),
            "updated": rfc3339(self.updated),
            "progress": round(self.progress, 4),
            "done": self.done,
            "failed": self.failed,
            "detail": dict(self.detail),
            "report": [
                {"row": one.row, "field": one.field, "code": one.code, "message": one.message}
                for one in self.report
            ],
            "result": dict(self.result),
            "error": self.error or None,
            "attempt": self.attempt,
            "started": rfc3339(self.started) if self.started else None,
            "ended": rfc3339(self.ended) if self.ended else None,
            "seconds": self.seconds,
            "cost": dict(self.cost),
        }
