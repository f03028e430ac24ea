"""Runs background tasks of the team's code, one for each message."""

from __future__ import annotations

from typing import Any

from covey.triggers.clock import Context, time_left
from covey.triggers.queue import queue_handler
from covey.wiring import services

RESERVE_MS = 15_000


def run(message: dict[str, Any], context: Context) -> None:
    """One attempt at the task that the message names."""
    services().job_runner.run(str(message["job"]), time_left(context, RESERVE_MS))


handler = queue_handler(run)
