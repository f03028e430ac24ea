"""A change for one after hook."""

from __future__ import annotations

from typing import Any

from covey.hooks.receiving import receive
from covey.triggers.clock import Context
from covey.triggers.queue import message_handler
from covey.wiring import services


def follow(message: dict[str, Any], context: Context) -> None:
    """Call the hook that the message is for."""
    receive(services().hooks, message)


handler = message_handler(follow)
