"""Every minute: what schedules have due begins, and what was delayed is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.triggers.clock import Context, time_left
from covey.triggers.schedule import schedule_handler
from covey.wiring import services

RESERVE_MS = 10_000


def run(_slot: str, context: Context) -> Mapping[str, Any]:
    """Look up to now: the event's own slot decides nothing."""
    parts = services()
    left = time_left(context, RESERVE_MS, most_s=40.0)
    parts.schedules.take_code()
    begun = parts.schedule_tick.run(left)
    return {"begun": begun, "sent": parts.tasks.send_due(left)}


handler = schedule_handler(run)
