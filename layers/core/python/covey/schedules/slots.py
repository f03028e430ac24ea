"""The instants of a schedule: what a pattern or a rate must tell of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
_RATE = re.compile(r"(?:([1-9][0-9]{0,4}) )?(minute|hour|day)s?")
_LONGEST_ZONE = 64
DAY = 86_400
YEAR = 366 * DAY


class SlotsInvalid(ValueError):
    """A text that means no slots; the message says why, to go on from the field's name."""


class Slots(Protocol):
    """Slots in whole seconds since the epoch, at most one a minute."""

    def next(self, after: int) -> int | None:
        """The first slot after an instant; None where none comes."""
        ...

    def latest(self, after: int, until: int, most: int) -> list[int]:
        """The newest slots after an instant, up to and with another, at most so many; in order."""
        ...


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so many seconds since the epoch, so that each process means the same slots."""

    seconds: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        """``15 minutes``, ``hour``, ``2 days``; raises SlotsInvalid."""
        match = _RATE.fullmatch(text.strip().lower())
        seconds = int(match[1] or 1) * _UNITS[match[2]] if match else 0
        if not 0 < seconds <= YEAR:
            raise SlotsInvalid("is a number of minutes, hours or days, such as 15 minutes")
        return cls(seconds)

    def next(self, after: int) -> int | None:
        """The first slot after an instant."""
        return (after // self.seconds + 1) * self.seconds

    def latest(self, after: int, until: int, most: int) -> list[int]:
        """The newest slots of a time, at most so many; in order."""
        first, last = after // self.seconds + 1, until // self.seconds
        return [n * self.seconds for n in range(max(first, last - most + 1), last + 1)]


def zone_of(name: str) -> ZoneInfo:
    """A zone of the IANA database by its name; raises SlotsInvalid."""
    try:
        if not name or len(name) > _LONGEST_ZONE:
            raise ValueError
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise SlotsInvalid("is no time zone, such as Europe/Zurich") from None
