"""Cron of five fields, in a time zone: ``minute hour day-of-month month day-of-week``.

What ``crontab(5)`` says holds: ``*``, lists, ranges, steps after ``*`` or a range, three-letter
names of months and days, 0 and 7 for Sunday. Where both day fields are restricted a day of either
is meant; a field that begins with ``*`` restricts nothing, so that with it both must hold.

Changes of the clock: a pattern of certain hours means what iCalendar's times mean (RFC 5545,
3.3.5). A time that the change skips is read by the offset before it, so 02:30 runs at 03:30 of the
new time, once; one that comes twice runs the first time. A pattern of every hour goes by what the
wall shows: it has no hour to miss, and runs in both of the repeated ones. Two times that fall
together are one slot.

AWS's dialect of six fields, which templates use, is another: `infra.gateway.cron`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from covey.schedules.slots import SlotsInvalid, zone_of

_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NUMBER = re.compile(r"[0-9]{1,2}")
_SEARCH_DAYS = 8 * 366 + 2  # from one 29 February to the next, over the year 2100
_SLACK = 2  # days that a wall-clock time may lie from its instant; Samoa once skipped a whole one
MAX_LENGTH = 200


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def values(self, text: str) -> frozenset[int]:
        """The numbers that a field means; raises SlotsInvalid."""
        found: set[int] = set()
        for part in text.split(","):
            span, slash, step = part.partition("/")
            first, dash, last = span.partition("-")
            if slash and span != "*" and not dash:
                raise self._fault(part, "a step follows * or a range")
            low = self.low if span == "*" else self._number(first)
            high = self._number(last) if dash else self.high if span == "*" else low
            if low > high:
                raise self._fault(part, "a range goes from the lesser to the greater")
            found.update(range(low, high + 1, self._step(step) if slash else 1))
        return frozenset(found)

    def _number(self, text: str) -> int:
        lower = text.lower()
        if lower in self.names:
            return self.names.index(lower) + self.low
        if not _NUMBER.fullmatch(text) or not self.low <= int(text) <= self.high:
            raise self._fault(text, f"there are {self.low} to {self.high}")
        return int(text)

    def _step(self, text: str) -> int:
        if not _NUMBER.fullmatch(text) or int(text) == 0:
            raise self._fault(f"/{text}", "a step is a number from 1 on")
        return int(text)

    def _fault(self, text: str, why: str) -> SlotsInvalid:
        return SlotsInvalid(f"{text[:20]!r} is no {self.name}: {why}")


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A pattern; `Slots` in whole seconds since the epoch."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    either: bool  # a day of the month or of the week
    every_hour: bool
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str, zone: str = "UTC") -> Cron:
        """Raises SlotsInvalid, also for what never comes, such as 30 February."""
        parts = _NICKNAMES.get(text.strip().lower(), text).split()
        if len(parts) != len(_FIELDS) or len(text) > MAX_LENGTH:
            raise SlotsInvalid(
                "a cron expression has five fields: minute, hour, day of the month, month, day of"
                " the week"
            )
        minutes, hours, days, months, weekdays = (
            field.values(part) for field, part in zip(_FIELDS, parts, strict=True)
        )
        made = cls(
            tuple(sorted(minutes)),
            tuple(sorted(hours)),
            days,
            months,
            frozenset(day % 7 for day in weekdays),
            not parts[2].startswith("*") and not parts[4].startswith("*"),
            len(hours) == 24,
            zone_of(zone),
        )
        if not any(made._meant(date(2000, 1, 1) + timedelta(n)) for n in range(_SEARCH_DAYS)):
            raise SlotsInvalid("never comes: no such day of the month")
        return made

    def next(self, after: int) -> int | None:
        """The first slot after an instant."""
        found: int | None = None
        for day in self._days_from(after):
            if found is not None and _earliest(day) > found:
                break
            later = [slot for slot in self._slots_of(day, after) if slot > after]
            found = min([*later[:1], *([] if found is None else [found])], default=None)
        return found

    def latest(self, after: int, until: int, most: int) -> list[int]:
        """The newest slots after an instant, up to and with another, at most so many; in order."""
        first = self._date(after) - timedelta(_SLACK)
        day, found, left = self._date(until) + timedelta(_SLACK), set[int](), _SLACK * 2
        while day >= first and left >= 0:
            found.update(slot for slot in self._slots_of(day) if after < slot <= until)
            left -= len(found) >= most
            day -= timedelta(1)
        return sorted(found)[-most:] if most > 0 else []

    def _days_from(self, after: int) -> Iterator[date]:
        first = self._date(after) - timedelta(_SLACK)
        return (first + timedelta(number) for number in range(_SEARCH_DAYS))

    def _date(self, instant: int) -> date:
        return datetime.fromtimestamp(instant, self.zone).date()

    def _meant(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return of_month or of_week if self.either else of_month and of_week

    def _slots_of(self, day: date, after: int = 0) -> list[int]:
        """The instants of a day's times, in order; of those up to `after` some may be left out."""
        if not self._meant(day):
            return []
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        around = {
            (noon + timedelta(step)).astimezone(self.zone).utcoffset()
            for step in (-_SLACK, 0, _SLACK)
        }
        if len(around) == 1:  # no change is near: arithmetic, 30 times as fast
            offset = around.pop() or timedelta()
            start = int((noon - timedelta(hours=12) - offset).timestamp())
            hours = [start + hour * 3600 for hour in self.hours]
            return [one + m * 60 for one in hours if one + 3600 > after for m in self.minutes]
        return sorted({slot for hour in self.hours for slot in self._slots_in(day, hour)})

    def _slots_in(self, day: date, hour: int) -> Iterator[int]:
        """The instants of an hour on a day near a change of the clock."""
        first = datetime(day.year, day.month, day.day, hour, tzinfo=self.zone)
        offsets = {
            first.replace(minute=minute, fold=fold).utcoffset()
            for minute in (0, 59)
            for fold in (0, 1)
        }
        if len(offsets) == 1:
            start = int(first.timestamp())
            yield from (start + minute * 60 for minute in self.minutes)
        else:
            for minute in self.minutes:
                yield from self._instants(first.replace(minute=minute))

    def _instants(self, wall: datetime) -> Iterator[int]:
        if not self.every_hour:
            yield int(wall.timestamp())  # fold is 0: RFC 5545's reading of both cases
            return
        for fold in (0, 1):
            slot = int(wall.replace(fold=fold).timestamp())
            shown = datetime.fromtimestamp(slot, self.zone)
            if (shown.hour, shown.minute, shown.date()) == (wall.hour, wall.minute, wall.date()):
                yield slot


def _earliest(day: date) -> int:
    """Before any instant of a day, in whatever zone: none was ever 16 hours ahead."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) - 16 * 3600
