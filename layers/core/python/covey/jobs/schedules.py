"""What Covey does by the clock, once per slot however often the clock's event arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from covey.errors import CoveyError
from covey.insight.statistics import Statistics
from covey.jobs.model import DAY
from covey.jobs.service import Jobs
from covey.records.ports import RecordStore

PAGE = 200
YEAR = 365 * DAY


def sweep(
    jobs: Jobs,
    store: RecordStore,
    expire: Callable[[str, str], bool],
    slot: str,
    now_s: int,
    time_left: Callable[[], bool],
) -> dict[str, Any]:
    """Delete records whose time has come, oldest first, until none is left or the time ends.

    `expire(collection, id)` deletes one if it is still due. One that cannot be deleted now is
    counted and left for the next slot.
    """
    job = jobs.once("sweep", slot, kept=DAY)
    if job is None:
        return {"repeated": True}
    deleted = failed = 0
    seen: set[tuple[str, str]] = set()
    while time_left():
        due = [one for one in store.expired(now_s, PAGE + len(seen)) if one not in seen]
        if not due:
            break
        for name, record_id in due:
            try:
                deleted += expire(name, record_id)
            except CoveyError:
                failed += 1
            # The index may lag behind what was just deleted.
            seen.add((name, record_id))
    result = {"deleted": deleted, "failed": failed}
    jobs.finish(job, result)
    return result


def nightly(jobs: Jobs, statistics: Statistics, slot: str) -> dict[str, Any]:
    """Count every collection."""
    job = jobs.once("statistics", slot, kept=YEAR)
    if job is None:
        return {"repeated": True}
    result = statistics.take(slot)
    jobs.finish(job, result)
    return result
