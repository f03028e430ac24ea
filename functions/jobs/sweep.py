"""Every minute: records whose time has come are deleted, and anonymous users who are gone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from covey.jobs.schedules import sweep
from covey.triggers.clock import Context, time_left
from covey.triggers.schedule import schedule_handler
from covey.wiring import services

RESERVE_MS = 10_000


def run(slot: str, context: Context) -> Mapping[str, Any]:
    """Sweep for this slot."""
    parts = services()
    left = time_left(context, RESERVE_MS)
    swept = sweep(
        parts.jobs, parts.record_store, parts.records.expire, slot, int(time.time()), left
    )
    if "repeated" in swept:
        return swept
    return {**swept, **parts.anonymous_sweep.run(left)}


handler = schedule_handler(run)
