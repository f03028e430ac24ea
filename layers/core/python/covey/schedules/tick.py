"""Finds the slots that are due, and has each run once.

A tick looks from where the last one looked up to now. It may come late, twice, at once with
another, or by a clock that jumped: which slots it looks at decides nothing but the catching up, as
a slot's run is made by a conditional write and never again. A tick that ends halfway has not said
that it looked, so that the next does it all once more.

A slot is on time for `GRACE_S`; older ones were missed, and `catch_up` decides. After the clock
went back the slots up to where it was are on their way again, and find that they have run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from covey.jobs.model import DAY
from covey.records.time import now_ms
from covey.schedules.model import CatchUp, Schedule
from covey.schedules.ports import ScheduleStore
from covey.schedules.runs import Runs

GRACE_S = 300
FARTHEST_S = 30 * DAY  # how far back missed slots are looked for
MOST = 1_000  # slots of one look; older ones are not even counted as missed
SAVED_EVERY_S = 6 * 3_600  # where nothing was due
_log = logging.getLogger(__name__)


class Tick:
    """One look at all schedules."""

    def __init__(
        self, schedules: ScheduleStore, runs: Runs, *, now: Callable[[], int] = now_ms
    ) -> None:
        self._schedules = schedules
        self._runs = runs
        self._now = now

    def run(self, time_left: Callable[[], bool] = lambda: True) -> int:
        """Begin what is due; how many slots. A schedule that fails holds up no other."""
        begun = 0
        for schedule in self._schedules.all():
            if schedule.enabled and time_left():
                try:
                    begun += self._look(schedule, time_left)
                except Exception:  # noqa: BLE001 - it is looked at again in a minute
                    _log.exception("schedule %s could not be looked at", schedule.name)
        return begun

    def _look(self, schedule: Schedule, time_left: Callable[[], bool]) -> int:
        now = self._now() // 1000
        looked = (schedule.looked or schedule.since) // 1000
        fresh = now - GRACE_S
        after = max(looked if looked <= now else fresh, schedule.since // 1000, now - FARTHEST_S)
        slots = schedule.slots.latest(after, now, MOST)
        chosen = due(schedule, slots, fresh)
        for slot in chosen:
            if not time_left():
                return 0  # what was begun is begun; the next tick looks at it again
            self._runs.begin(schedule, slot)
        if slots or looked > now or now - looked > SAVED_EVERY_S:
            missed = schedule.missed + len(slots) - len(chosen)
            self._schedules.save(schedule, replace(schedule, looked=now * 1000, missed=missed))
        return len(chosen)


def due(schedule: Schedule, slots: list[int], fresh: int) -> list[int]:
    """Which of the slots to run, in order; those after `fresh` are on time."""
    timely = [slot for slot in slots if slot > fresh]
    missed = [slot for slot in slots if slot <= fresh]
    if schedule.catch_up is CatchUp.ALL:
        return missed[-schedule.catch_up_limit :] + timely
    if schedule.catch_up is CatchUp.LAST and not timely:
        return missed[-1:]
    return timely
