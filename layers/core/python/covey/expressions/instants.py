"""Instants and spans of time, from text."""

from __future__ import annotations

import re
from decimal import Decimal

from covey.expressions.errors import EvaluationError
from covey.expressions.values import Duration, Timestamp
from covey.records.time import parse_rfc3339

FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999  # years 0001 to 9999
LONGEST = LAST - FIRST

DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SPAN = re.compile(r"(-?)((?:\d{1,15}(?:\.\d{1,9})?(?:ms|h|m|s))+)", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)", re.ASCII)
_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}


def timestamp(text: str) -> Timestamp:
    """The instant of an RFC 3339 date-time with an offset; of a date alone, its midnight in UTC.

    Raises EvaluationError for other text.
    """
    try:
        return Timestamp(parse_rfc3339(f"{text}T00:00:00Z" if DATE.fullmatch(text) else text))
    except ValueError:
        raise EvaluationError("Not a timestamp, such as 2026-01-31T09:30:00Z") from None


def duration(text: str) -> Duration:
    """The span of a text such as ``90s``, ``1h30m``, ``-1.5h``, ``250ms``, to the millisecond.

    Raises EvaluationError for other text and for spans over the range of timestamps.
    """
    match = _SPAN.fullmatch(text) if len(text) <= 64 else None
    if match is None:
        raise EvaluationError("Not a duration, such as 90s or 1h30m")
    parts = _PART.findall(match[2])
    total = int(sum(Decimal(number) * _UNITS[unit] for number, unit in parts))
    return span(-total if match[1] else total)


def instant(ms: int) -> Timestamp:
    """A computed instant; raises EvaluationError outside the years 0001 to 9999."""
    if not FIRST <= ms <= LAST:
        raise EvaluationError("A timestamp out of range")
    return Timestamp(ms)


def span(ms: int) -> Duration:
    """A computed span; raises EvaluationError beyond the range of timestamps."""
    if not -LONGEST <= ms <= LONGEST:
        raise EvaluationError("A duration out of range")
    return Duration(ms)
