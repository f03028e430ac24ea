"""Record ids: 48 bits of milliseconds and 52 random bits in 20 base32hex characters.

Text order is order in time, so that ids are the creation order of a collection and the
instant of creation needs no attribute of its own.
"""

from __future__ import annotations

import re
import secrets
import threading

from covey.records.time import now_ms

LENGTH = 20
BYTES = 13  # 100 bits
RANDOM_BITS = 52
_STEP_BITS = 32  # leaves a million ids of one millisecond before the time part moves
_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_SHAPE = re.compile(r"[0-9a-v]{20}")
_MOST = (1 << 100) - 1


class IdMaker:
    """Makes ids that rise within this process, also when the clock stands or steps back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def make(self, ms: int | None = None) -> str:
        """An id of this instant (milliseconds since the epoch, default now)."""
        drawn = (now_ms() if ms is None else ms) << RANDOM_BITS | secrets.randbits(RANDOM_BITS)
        with self._lock:
            if drawn <= self._last:
                drawn = self._last + 1 + secrets.randbits(_STEP_BITS)
            self._last = drawn
        return text_of(drawn)


def text_of(number: int) -> str:
    """The id of a number of 100 bits; a number out of range becomes the nearest id."""
    number = min(max(number, 0), _MOST)
    return "".join(_DIGITS[number >> shift & 31] for shift in range(95, -5, -5))


def number_of(record_id: str) -> int:
    """The 100 bits of an id; ValueError for anything that is not one."""
    if not is_auto(record_id):
        raise ValueError("not an id that Covey made")
    return int(record_id, 32)


def is_auto(record_id: str) -> bool:
    """Whether the text has the shape of an id that Covey made."""
    return _SHAPE.fullmatch(record_id) is not None


def created_of(record_id: str) -> int:
    """The millisecond inside an id; ValueError for anything that is not one."""
    return number_of(record_id) >> RANDOM_BITS


def created_in(record_id: str) -> int:
    """The same of an id that is known to be one: a list asks it of every record."""
    return int(record_id[:10], 32) >> 2  # the first 50 of its 100 bits


def first_of(ms: int) -> str:
    """The least id of a millisecond, to bound a range of creation times."""
    return text_of(ms << RANDOM_BITS)
