"""How fast a socket may send: a bucket that fills at a rate, and is kept in the table.

On AWS each frame is an invocation, by whichever process is free, so that only the table knows
how many there were. The bucket is kept as one number, the time at which it will be full again
(the "theoretical arrival time" of the generic cell rate algorithm, ITU-T I.371): a frame puts it
off by its share of a second. Frames over the limit count too: who does not stop is closed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

from covey.errors import TooManyRequests

BURST_SECONDS = 10  # worth of frames that may come at once
CLOSED_AT = 2  # bursts


class Frames(Protocol):
    """The port; `covey.store.models.frames`, `covey.testing.frames`."""

    def spend(self, connection: str, now: int, cost: int) -> int:
        """Put off by `cost` when a socket's bucket is full, at the earliest from `now` on.

        The time at which it is full then; all in milliseconds since the epoch.
        """
        ...


class TooFast(TooManyRequests):
    """Over the limit by so much that the socket is to be closed."""


class Pacing:
    """Counts the frames of each socket."""

    def __init__(self, frames: Frames, rate: int, *, now: Callable[[], float] = time.time) -> None:
        """`rate` is in frames a second; with 0 nothing is counted."""
        self._frames = frames
        self._rate = rate
        self._now = now

    def take(self, connection: str) -> None:
        """Count a frame; raises TooManyRequests over the limit, TooFast for whoever goes on."""
        if not self._rate:
            return
        now = int(self._now() * 1000)
        full = self._frames.spend(connection, now, max(1, 1000 // self._rate))
        over = full - now - BURST_SECONDS * 1000
        if over <= 0:
            return
        kind = TooManyRequests if over <= (CLOSED_AT - 1) * BURST_SECONDS * 1000 else TooFast
        raise kind(
            f"A socket sends {self._rate} messages a second, and "
            f"{self._rate * BURST_SECONDS} at once.",
            retry_after=math.ceil(over / 1000),
        )
