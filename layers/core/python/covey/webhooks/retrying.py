"""When a delivery is tried again, and when an endpoint is left alone.

The times are those of Standard Webhooks' "Operational considerations", some three days in all.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime

from covey.webhooks.model import Attempt, Health

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
DELAYS = (
    *(5 * SECOND, 5 * MINUTE, 30 * MINUTE),
    *(2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
)
JITTER = 0.1  # of a delay, either way, so that what failed together does not come back together
LONGEST_WISH = 24 * HOUR  # that a receiver's Retry-After is heeded for a delivery
LONGEST_REST = HOUR  # and for all deliveries of the endpoint
PATIENCE = 5  # failures in a row after which an endpoint is left alone for a while
FIRST_PAUSE, LONGEST_PAUSE = 5 * SECOND, 15 * MINUTE
DISABLED_AFTER = 72 * HOUR  # without any success
DISABLED_FAILURES = 10
BUSY = (429, 503)  # of whom Retry-After speaks for the whole server
GONE = 410  # the receiver wants no more
_SECONDS = re.compile(r"[0-9]{1,9}")


def next_try(tries: int, now: int, attempt: Attempt, chance: Callable[[], float]) -> int | None:
    """When to try again after so many tries, in milliseconds; None when that was the last."""
    if tries > len(DELAYS):
        return None
    delay = int(DELAYS[tries - 1] * (1 - JITTER + 2 * JITTER * chance()))
    return now + max(delay, min(wish(attempt.headers, now), LONGEST_WISH))


def wish(headers: Mapping[str, str], now: int) -> int:
    """How long a receiver asks to be left alone (RFC 9110, 10.2.3), in milliseconds."""
    written = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(written):
        return int(written) * SECOND
    try:
        moment = parsedate_to_datetime(written)
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0, int(zoned.timestamp() * 1000) - now)
    except (ValueError, OverflowError, TypeError):
        return 0


class Circuit:
    """Whether an endpoint is to be called now, as its attempts tell; for several threads.

    After some failures in a row it is left alone, longer each time. Then one attempt at a time
    asks whether it is well again, and the first success lets all others follow.
    """

    def __init__(self, health: Health, chance: Callable[[], float] = random.random) -> None:
        self.health = health
        self._chance = chance
        self._lock = threading.Lock()
        self._probing = False

    def enter(self, now: int) -> bool:
        """Whether an attempt may begin; each that does ends with `succeeded` or `failed`."""
        with self._lock:
            if now < self.health.not_before or self._probing:
                return False
            self._probing = self.health.failures >= PATIENCE
            return True

    def succeeded(self) -> None:
        """An attempt did."""
        with self._lock:
            self._probing = False
            fresh = Health(lease=self.health.lease, wakes=self.health.wakes)
            self.health = replace(fresh, wake_at=self.health.wake_at)

    def failed(self, now: int, attempt: Attempt) -> None:
        """An attempt did not."""
        with self._lock:
            self._probing = False
            known = self.health
            told = replace(known, failures=known.failures + 1, since=known.since or now)
            if told.failures >= PATIENCE and now >= known.not_before:
                told = replace(
                    told,
                    pauses=known.pauses + 1,
                    not_before=now + self._pause(known.pauses),
                )
            if attempt.status in BUSY:
                rest = now + min(wish(attempt.headers, now), LONGEST_REST)
                told = replace(told, not_before=max(told.not_before, rest))
            self.health = told

    def gave_up(self) -> None:
        """An attempt was not made after all."""
        with self._lock:
            self._probing = False

    def _pause(self, pauses: int) -> int:
        pause = min(FIRST_PAUSE * 2 ** min(pauses, 20), LONGEST_PAUSE)
        return int(pause * (1 - JITTER + 2 * JITTER * self._chance()))


def is_lost(health: Health, now: int) -> bool:
    """Whether an endpoint has failed for so long that it is disabled."""
    long = health.since and now - health.since >= DISABLED_AFTER
    return bool(long) and health.failures >= DISABLED_FAILURES
