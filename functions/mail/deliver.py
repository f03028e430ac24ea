"""Writes and sends ordered letters, one for each message."""

from __future__ import annotations

from typing import Any

from covey.triggers.clock import Context
from covey.triggers.queue import queue_handler
from covey.wiring import services


def deliver(message: dict[str, Any], context: Context) -> None:
    """One letter."""
    services().desk.carry_out(message)


handler = queue_handler(deliver)
