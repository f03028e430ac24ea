"""A schedule: when something runs, and what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from covey.schedules.cron import Cron
from covey.schedules.slots import Rate, Slots


class CatchUp(StrEnum):
    """What becomes of slots that were missed, because nothing was there to run them."""

    SKIP = "skip"  # they are let go
    LAST = "last"  # the newest runs, if none is on time
    ALL = "all"  # each runs, up to a limit


class Overlap(StrEnum):
    """What becomes of a slot that comes while a run before it is under way."""

    SKIP = "skip"
    QUEUE = "queue"
    ALLOW = "allow"


class Source(StrEnum):
    """Who declared it."""

    API = "api"
    FILE = "file"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When, in `zone`, by `cron` or `every`; what: a `task`, or a built-in `job`.

    `retries` and `timeout` (seconds) stand in the place of the task's own. Times are milliseconds:
    slots before `since` were never meant; `looked` is when a tick last looked. `revision` rises
    with each save.
    """

    name: str
    cron: str = ""
    every: str = ""
    zone: str = "UTC"
    task: str = ""
    job: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    enabled: bool = True
    catch_up: CatchUp = CatchUp.LAST
    catch_up_limit: int = 24
    overlap: Overlap = Overlap.SKIP
    retries: int | None = None
    timeout: int | None = None
    priority: str = "normal"
    source: Source = Source.API
    since: int = 0
    looked: int = 0
    missed: int = 0
    revision: int = 0

    @property
    def slots(self) -> Slots:
        """Its instants."""
        return Rate.parse(self.every) if self.every else Cron.parse(self.cron, self.zone)

    @property
    def owner(self) -> str:
        """The list that its runs are in: of Covey's own jobs (`Jobs.of`)."""
        return f"schedule.{self.name}"

    @property
    def timing(self) -> tuple[str, str, str]:
        """What says when."""
        return self.cron, self.every, self.zone
