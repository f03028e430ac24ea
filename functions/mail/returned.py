"""Letters that came back: who bounces or complains gets no more of them for a while."""

from __future__ import annotations

from typing import Any

from covey.triggers.clock import Context
from covey.triggers.queue import queue_handler
from covey.wiring import services


def returned(message: dict[str, Any], context: Context) -> None:
    """One notice of SES."""
    services().returns.take(message)


handler = queue_handler(returned)
