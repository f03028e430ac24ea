"""Every five minutes: what sockets left that are gone without a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.triggers.clock import Context, time_left
from covey.triggers.schedule import schedule_handler
from covey.wiring import services

RESERVE_MS = 15_000


def run(slot: str, context: Context) -> Mapping[str, Any]:
    """Sweep; two at once do no harm."""
    return services().socket_sweep.run(time_left(context, RESERVE_MS))


handler = schedule_handler(run)
