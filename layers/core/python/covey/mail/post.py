"""Orders for letters: queued at once, written and sent later.

Whoever asks to reset a password gets an answer in the time that it takes to queue an order,
whether there is such a user or not: that is looked up where the order is carried out.
"""

from __future__ import annotations

from typing import Any

from covey.mail.ports import Queue


class Post:
    """Takes orders."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def order(self, letter: str, **values: Any) -> None:
        """Have `letter` written and sent; `values` are JSON, and say whom it concerns."""
        self._queue.send({"letter": letter, "values": values})
