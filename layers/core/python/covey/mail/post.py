"""Orders for letters: queued at once, written and sent later.

Whoever asks to reset a password gets an answer in the time that it takes to queue an order,
whether there is such a user or not: that is looked up where the order is carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from covey.mail.ports import Queue


class AtOnce:
    """A queue for where there is none: orders are carried out while the caller waits."""

    def __init__(self, carry_out: Callable[[Mapping[str, Any]], None]) -> None:
        self._carry_out = carry_out

    def send(self, body: Mapping[str, Any], delay_s: int = 0) -> None:
        """Carry it out."""
        self._carry_out(body)


class Post:
    """Takes orders."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def order(self, letter: str, **values: Any) -> None:
        """Have `letter` written and sent; `values` are JSON, and say whom it concerns."""
        self._queue.send({"letter": letter, "values": values})
