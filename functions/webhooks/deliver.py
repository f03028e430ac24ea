"""Sends what is due for an endpoint: a message says no more than which."""

from __future__ import annotations

from typing import Any

from covey.triggers.clock import Context, time_left
from covey.triggers.queue import queue_handler
from covey.wiring import services

RESERVE_MS = 35_000  # the attempts that were begun last, and what is written of them


def deliver(message: dict[str, Any], context: Context) -> None:
    """All that is due, as far as the time goes."""
    services().courier.run(str(message["endpoint"]), time_left(context, RESERVE_MS))


handler = queue_handler(deliver)
