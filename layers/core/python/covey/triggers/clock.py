"""How much of an invocation's time is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class Context(Protocol):
    """What is used of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until this invocation is ended."""
        ...


def time_left(context: Context, reserve_ms: int, most_s: float = 20.0) -> Callable[[], bool]:
    """Whether to begin another piece: not after `most_s`, nor within `reserve_ms` of the end."""
    began = time.monotonic()

    def left() -> bool:
        return (
            time.monotonic() - began < most_s
            and context.get_remaining_time_in_millis() > reserve_ms
        )

    return left
