"""Every minute: whoever sends is woken for what is due until the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.triggers.clock import Context
from covey.triggers.schedule import schedule_handler
from covey.wiring import services


def run(slot: str, context: Context) -> Mapping[str, Any]:
    """Twice for a slot does no harm: who is woken finds nothing to do."""
    return {"woken": services().webhook_tick.run()}


handler = schedule_handler(run)
