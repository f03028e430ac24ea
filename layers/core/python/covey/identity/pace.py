"""How many requests a caller sends in a minute, counted in the table without a write for each.

A request is counted with the chance 1 in `step`, and then as `step` requests: on the average the
counter is right however many processes share the work, and at the limit it was written some
hundred times a minute. For limits up to 199 each request is counted; beyond, the count is
about 10% off at the limit (the standard error of such a sum is the root of step × limit).
"""

from __future__ import annotations

import hashlib
import math
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

WINDOW_S = 60
WRITES = 100  # of a caller's counter in a minute, at the limit
REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands: what is left of the limit, and the seconds until it is whole."""

    limit: int
    left: int
    resets: int
    allowed: bool


class Counters(Protocol):
    """Counters of a minute."""

    def count(self, key: str, amount: int, expires: int) -> int:
        """Add to a counter that is gone after `expires`; what it is then."""
        ...


class Pace:
    """Counts requests against one limit for everybody."""

    def __init__(
        self,
        store: Counters,
        *,
        limit: int,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._limit = limit
        self._step = max(1, limit // WRITES)
        self._clock = clock
        self._chance = chance
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, int], int] = OrderedDict()

    def spend(self, who: str, count: int = 1) -> Standing:
        """Count `count` requests of `who`, who may be over the limit by them."""
        now = self._clock()
        window = int(now // WINDOW_S)
        ends = (window + 1) * WINDOW_S
        known = self._recall(who, window)
        resets = max(1, math.ceil(ends - now))
        if count and known >= self._limit:  # told without another write
            return Standing(self._limit, 0, resets, allowed=False)
        if count:
            known = self._counted(who, window, ends, known, count)
            self._remember(who, window, known)
        left = max(0, self._limit - known)
        return Standing(self._limit, left, resets, allowed=not count or known <= self._limit)

    def _counted(self, who: str, window: int, ends: int, known: int, count: int) -> int:
        amount = count if count >= self._step else self._step
        # What this process knows of is counted for sure before anybody is refused for it.
        sure = known + count > self._limit
        if count < self._step and not sure and self._chance() * self._step >= count:
            return known + count
        name = f"pace\0{window}\0{who}".encode("utf-8", "surrogatepass")
        key = hashlib.sha256(name).hexdigest()
        return self._store.count(key, amount, ends + WINDOW_S)

    def _recall(self, who: str, window: int) -> int:
        with self._lock:
            return self._known.get((who, window), 0)

    def _remember(self, who: str, window: int, known: int) -> None:
        with self._lock:
            self._known[who, window] = known
            self._known.move_to_end((who, window))
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
