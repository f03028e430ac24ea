"""Where schedules are kept: the port."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from covey.schedules.model import Schedule


class ScheduleStore(Protocol):
    """Implemented by `covey.store.models.schedule` and `covey.testing.tasks`."""

    def all(self) -> Sequence[Schedule]:
        """Every schedule, by name, read consistently."""
        ...

    def get(self, name: str) -> Schedule | None:
        """One, read consistently."""
        ...

    def save(self, before: Schedule | None, after: Schedule) -> Schedule | None:
        """Put it in the place of `before`, as saved; None, doing nothing, if that has changed."""
        ...

    def remove(self, schedule: Schedule) -> bool:
        """Forget it; False, doing nothing, if it has changed."""
        ...
