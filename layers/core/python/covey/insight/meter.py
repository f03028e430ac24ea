"""What the work of one request has cost so far: read units, write units, time in the database.

The transport adds, the HTTP layer resets at the start of a request and reads at its end. A
context variable keeps concurrent requests apart, in threads and in tasks alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass

# On-demand prices of us-east-1 in US dollars per unit, from AWS's page "Amazon DynamoDB
# pricing for on-demand capacity" as of November 2024.
USD_PER_READ_UNIT = 0.125e-6
USD_PER_WRITE_UNIT = 0.625e-6


@dataclass(slots=True)
class Meter:
    """Read request units, write request units, milliseconds and calls spent in the database."""

    rru: float = 0.0
    wru: float = 0.0
    db_ms: float = 0.0
    calls: int = 0

    @property
    def usd(self) -> float:
        """The units at on-demand prices."""
        return self.rru * USD_PER_READ_UNIT + self.wru * USD_PER_WRITE_UNIT


meter: ContextVar[Meter] = ContextVar("covey_meter")


def read() -> Meter:
    """The meter of this context, made at zero when there is none."""
    current = meter.get(None)
    return reset() if current is None else current


def reset() -> Meter:
    """Start from zero in this context and return the new meter."""
    fresh = Meter()
    meter.set(fresh)
    return fresh


def add(*, rru: float = 0.0, wru: float = 0.0, db_ms: float = 0.0) -> None:
    """Count one call to the database."""
    current = read()
    current.rru += rru
    current.wru += wru
    current.db_ms += db_ms
    current.calls += 1


def restate(before: Meter, rru: float) -> None:
    """Say that since `before`, a copy of the meter of then, so many read units were spent.

    For answers that must not tell by their cost what was found on the way.
    """
    current = read()
    current.rru, current.db_ms = before.rru + rru, before.db_ms


def join(meters: Iterable[Meter]) -> None:
    """Count work that was done side by side: units and calls add up, the time is the longest."""
    current, longest = read(), 0.0
    for one in meters:
        current.rru += one.rru
        current.wru += one.wru
        current.calls += one.calls
        longest = max(longest, one.db_ms)
    current.db_ms += longest
