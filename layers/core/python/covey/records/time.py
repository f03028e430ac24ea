"""Time as records carry it: milliseconds since the epoch inside, RFC 3339 in UTC outside."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

_SHAPE = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def rfc3339(ms: int) -> str:
    """The canonical text of an instant: ``2026-01-31T09:30:00.000Z``."""
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment.isoformat()[:19]}.{ms % 1000:03d}Z"  # a fifth of strftime's time


def parse_rfc3339(text: str) -> int:
    """Milliseconds of an RFC 3339 date-time with an offset; years 0001 to 9999.

    Raises ValueError for anything else, also for text with non-ASCII digits. Fractions
    beyond milliseconds are cut, as they cannot be kept.
    """
    match = _SHAPE.fullmatch(text) if text.isascii() else None
    if match is None:
        raise ValueError("not an RFC 3339 date-time with an offset")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    zone = match[8]
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    seconds = (moment - _EPOCH).days * 86_400 + (moment - _EPOCH).seconds
    if zone not in "Zz":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 23 or minutes > 59:
            raise ValueError("offset out of range")
        seconds -= (1 if zone[0] == "+" else -1) * (hours * 3600 + minutes * 60)
    ms = seconds * 1000 + int((match[7] or "0").ljust(3, "0")[:3])
    if not -62_135_596_800_000 <= ms <= 253_402_300_799_999:
        raise ValueError("year out of range")
    return ms
