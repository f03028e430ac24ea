"""A TaskStore and a ScheduleStore in memory, for tests."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from covey.schedules.model import Schedule
from covey.tasks.ports import Due, Held


class MemoryTaskStore:
    """Passes the tests of the real store."""

    def __init__(self) -> None:
        self._due: set[Due] = set()
        self._held: dict[str, Held] = {}
        self._buried: dict[str, int] = {}
        self._lock = threading.Lock()

    def plan(self, due: Due) -> None:
        """Note it."""
        with self._lock:
            self._due.add(due)

    def due(self, until: int, limit: int) -> Sequence[Due]:
        """The oldest first."""
        with self._lock:
            found = [due for due in self._due if due.at <= until]
        return sorted(found, key=lambda due: (due.at, due.job))[:limit]

    def settle(self, due: Due) -> None:
        """Forget it."""
        with self._lock:
            self._due.discard(due)

    def claim(self, key: str, held: Held, instead: Held | None = None) -> bool:
        """Take a key."""
        with self._lock:
            if self._held.get(key) != instead:
                return False
            self._held[key] = held
            return True

    def holder(self, key: str) -> Held | None:
        """Who has it."""
        return self._held.get(key)

    def bury(self, job: str, created: int) -> None:
        """List it."""
        with self._lock:
            self._buried[job] = created

    def unbury(self, job: str, created: int) -> None:
        """Take it from the list."""
        with self._lock:
            self._buried.pop(job, None)

    def buried(self, limit: int) -> Sequence[str]:
        """Those made last first."""
        with self._lock:
            found = sorted(self._buried.items(), key=lambda one: (one[1], one[0]), reverse=True)
        return [job for job, _ in found[:limit]]


class MemoryScheduleStore:
    """Passes the tests of the real store."""

    def __init__(self) -> None:
        self._schedules: dict[str, Schedule] = {}
        self._lock = threading.Lock()

    def all(self) -> Sequence[Schedule]:
        """By name."""
        with self._lock:
            return [self._schedules[name] for name in sorted(self._schedules)]

    def get(self, name: str) -> Schedule | None:
        """One."""
        return self._schedules.get(name)

    def save(self, before: Schedule | None, after: Schedule) -> Schedule | None:
        """Put it in the place of `before`."""
        with self._lock:
            known = self._schedules.get(after.name)
            revision = before.revision if before else 0
            if (known.revision if known else 0) != revision:
                return None
            saved = replace(after, revision=revision + 1)
            self._schedules[after.name] = saved
            return saved

    def remove(self, schedule: Schedule) -> bool:
        """Forget it."""
        with self._lock:
            known = self._schedules.get(schedule.name)
            if known is None or known.revision != schedule.revision:
                return False
            del self._schedules[schedule.name]
            return True
