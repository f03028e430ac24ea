"""AWS's schedule expressions: ``cron(minutes hours day-of-month month day-of-week year)``,
``rate(value unit)`` and ``at(yyyy-mm-ddThh:mm:ss)``, as slots in time.

Differences from Unix: six fields, days of the week count from 1 for Sunday, exactly one of the
two day fields is ``?``; ``L`` last, ``W`` nearest weekday, ``#`` the n-th such weekday (AWS,
"Cron expressions reference").
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Protocol
from zoneinfo import ZoneInfo

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), 1
    )
}
_DAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
DayTest = Callable[[date], bool]


class ScheduleError(ValueError):
    """An expression that AWS would refuse."""


class Slots(Protocol):
    """The instants of a schedule, in whole seconds since the epoch."""

    def newest(self, now: int) -> int | None:
        """The last slot at or before now."""
        ...

    def next(self, now: int) -> int | None:
        """The first slot after now."""
        ...


def parse(expression: str, *, timezone: str = "UTC", start: int = 0) -> Slots:
    """The slots of an expression; those of a rate count from ``start``. Raises ScheduleError."""
    match = re.fullmatch(r"\s*(cron|rate|at)\((.*)\)\s*", expression)
    if match is None:
        raise ScheduleError(f"not a cron(), rate() or at() expression: {expression!r}")
    try:
        zone = UTC if timezone in ("", "UTC") else ZoneInfo(timezone)
    except (ValueError, OSError, KeyError) as error:
        raise ScheduleError(f"unknown time zone {timezone!r}") from error
    if match[1] == "rate":
        return Rate.parse(match[2], start)
    if match[1] == "at":
        return At.parse(match[2], zone)
    return Cron.parse(match[2], zone)


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so many seconds from a start; the first slot is one period after it."""

    seconds: int
    start: int

    @classmethod
    def parse(cls, text: str, start: int) -> Rate:
        """``5 minutes``; one is singular and more are plural, as AWS insists."""
        match = re.fullmatch(r"\s*([1-9][0-9]{0,6})\s+(minute|hour|day)(s?)\s*", text)
        if match is None or (int(match[1]) == 1) is bool(match[3]):
            raise ScheduleError(f"not a rate: {text!r}")
        return cls(int(match[1]) * _UNITS[match[2]], start)

    def newest(self, now: int) -> int | None:
        """The last slot at or before now."""
        count = (now - self.start) // self.seconds
        return self.start + count * self.seconds if count > 0 else None

    def next(self, now: int) -> int | None:
        """The first slot after now."""
        count = max(0, (now - self.start) // self.seconds)
        return self.start + (count + 1) * self.seconds


@dataclass(frozen=True, slots=True)
class At:
    """Once."""

    slot: int

    @classmethod
    def parse(cls, text: str, zone: timezone | ZoneInfo) -> At:
        """``2026-01-31T09:30:00`` in the zone."""
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError as error:
            raise ScheduleError(f"not a time: {text!r}") from error
        if moment.tzinfo is not None:
            raise ScheduleError(f"a time without an offset is wanted: {text!r}")
        return cls(int(moment.replace(tzinfo=zone).timestamp()))

    def newest(self, now: int) -> int | None:
        """The last slot at or before now."""
        return self.slot if self.slot <= now else None

    def next(self, now: int) -> int | None:
        """The first slot after now."""
        return self.slot if self.slot > now else None


@dataclass(frozen=True, slots=True)
class Cron:
    """A calendar pattern in a time zone.

    A wall-clock time that a change to summer time skips does not happen; one that the change
    back repeats happens once, as AWS's scheduler does it.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    years: frozenset[int]
    day: DayTest
    zone: timezone | ZoneInfo

    @classmethod
    def parse(cls, text: str, zone: timezone | ZoneInfo) -> Cron:
        """Six fields: minutes, hours, day of month, month, day of week, year."""
        fields = text.upper().split()
        if len(fields) != 6:
            raise ScheduleError(f"a cron expression has six fields: {text!r}")
        minutes, hours, days, months, weekdays, years = fields
        if (days == "?") is (weekdays == "?"):
            raise ScheduleError(f"exactly one of the two day fields must be '?': {text!r}")
        return cls(
            minutes=tuple(sorted(_values(minutes, 0, 59))),
            hours=tuple(sorted(_values(hours, 0, 23))),
            months=frozenset(_values(months, 1, 12, _MONTHS)),
            years=frozenset(_values(years, _FIRST_YEAR, _LAST_YEAR)),
            day=_day_of_month(days) if weekdays == "?" else _day_of_week(weekdays),
            zone=zone,
        )

    def newest(self, now: int) -> int | None:
        """The last slot at or before now."""
        return self._search(now, forward=False)

    def next(self, now: int) -> int | None:
        """The first slot after now."""
        return self._search(now, forward=True)

    def _search(self, now: int, *, forward: bool) -> int | None:
        step = 1 if forward else -1
        day = datetime.fromtimestamp(now, self.zone).date()
        # One day of slack on the other side: a zone's day may begin a slot before it.
        day -= timedelta(days=step)
        while min(self.years) <= day.year <= max(self.years) or self._ahead(day, step):
            if day.year not in self.years:
                day = date(day.year + step, 1 if forward else 12, 1 if forward else 31)
            elif day.month not in self.months:
                day = _other_month(day, forward=forward)
            else:
                found = self._in_day(day, now, forward=forward)
                if found is not None:
                    return found
                day += timedelta(days=step)
        return None

    def _ahead(self, day: date, step: int) -> bool:
        """Whether the search still moves towards the years of the pattern."""
        return (step > 0 and day.year < min(self.years)) or (
            step < 0 and day.year > max(self.years)
        )

    def _in_day(self, day: date, now: int, *, forward: bool) -> int | None:
        if not self.day(day):
            return None
        order = 1 if forward else -1
        for hour in self.hours[::order]:
            for minute in self.minutes[::order]:
                slot = self._instant(day, hour, minute)
                if slot is not None and (slot > now if forward else slot <= now):
                    return slot
        return None

    def _instant(self, day: date, hour: int, minute: int) -> int | None:
        wall = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
        slot = int(wall.timestamp())
        back = datetime.fromtimestamp(slot, self.zone)
        return slot if (back.hour, back.minute) == (hour, minute) else None


def _other_month(day: date, *, forward: bool) -> date:
    if forward:
        return date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return day.replace(day=1) - timedelta(days=1)


def _values(text: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    """The numbers of a field: ``*``, values, ranges, steps, and lists of them."""
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            begin, end = low, high
        else:
            begin = _number(first, low, high, names)
            end = _number(last, low, high, names) if dash else high if slash else begin
        every = _number(step, 1, high, None) if slash else 1
        if begin <= end:
            found |= set(range(begin, end + 1, every))
        elif names is _DAYS or names is _MONTHS:  # FRI-MON goes over the edge
            found |= set(range(begin, high + 1)) | set(range(low, end + 1))
        else:
            raise ScheduleError(f"not a range: {part!r}")
    return found


def _number(text: str, low: int, high: int, names: dict[str, int] | None) -> int:
    if names and text in names:
        return names[text]
    if not re.fullmatch(r"[0-9]{1,4}", text) or not low <= int(text) <= high:
        raise ScheduleError(f"{text!r} is not between {low} and {high}")
    return int(text)


def _day_of_month(text: str) -> DayTest:
    if text == "L":
        return lambda day: day.day == _length(day)
    if re.fullmatch(r"L-[0-9]{1,2}", text):
        before = _number(text[2:], 1, 30, None)
        return lambda day: day.day == _length(day) - before
    if text == "LW":
        return lambda day: day.day == _weekday_near(day, _length(day))
    if text.endswith("W"):
        wanted = _number(text[:-1], 1, 31, None)
        return lambda day: wanted <= _length(day) and day.day == _weekday_near(day, wanted)
    values = _values(text, 1, 31)
    return lambda day: day.day in values


def _day_of_week(text: str) -> DayTest:
    if "#" in text:
        name, _, nth = text.partition("#")
        weekday, week = _number(name, 1, 7, _DAYS), _number(nth, 1, 5, None)
        return lambda day: _weekday(day) == weekday and (day.day + 6) // 7 == week
    if text == "L":  # alone, the last day of the week
        return lambda day: _weekday(day) == 7
    if text.endswith("L"):
        last = _number(text[:-1], 1, 7, _DAYS)
        return lambda day: _weekday(day) == last and day.day + 7 > _length(day)
    values = _values(text, 1, 7, _DAYS)
    return lambda day: _weekday(day) in values


def _weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _weekday_near(day: date, wanted: int) -> int:
    """The weekday nearest to the wanted day, in the same month."""
    weekday = day.replace(day=wanted).isoweekday()
    if weekday == 6:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == 7:
        return wanted + 1 if wanted < _length(day) else wanted - 2
    return wanted
