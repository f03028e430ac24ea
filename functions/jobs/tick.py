"""Every minute: what schedules have due begins, and what was delayed is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.schedules.model import Source
from covey.triggers.clock import Context, time_left
from covey.triggers.schedule import schedule_handler
from covey.wiring import services

RESERVE_MS = 10_000


def run(_slot: str, context: Context) -> Mapping[str, Any]:
    """Look up to now: the event's own slot decides nothing."""
    parts = services()
    left = time_left(context, RESERVE_MS, most_s=40.0)
    registry = parts.task_registry
    if not registry.fault:  # else what it declares would seem to be gone
        planned = [one.document for one in registry.schedules.values()]
        parts.schedules.sync(Source.CODE, planned)
    begun = parts.schedule_tick.run(left)
    return {"begun": begun, "sent": parts.tasks.send_due(left)}


handler = schedule_handler(run)
