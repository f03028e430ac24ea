"""Patterns against a reading of the calendar minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.schedules.cron import Cron
from covey.schedules.slots import Rate, SlotsInvalid, zone_of

ZURICH = "Europe/Zurich"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def shown(slots: list[int]) -> list[str]:
    return [datetime.fromtimestamp(slot, UTC).strftime("%m-%dT%H:%M") for slot in slots]


@pytest.mark.parametrize(
    ("pattern", "zone", "after", "slots"),
    [
        ("0 9 * * 1-5", ZURICH, "2026-11-20T10:00Z", ["11-23T08:00", "11-24T08:00"]),
        ("*/20 * * * *", "UTC", "2026-01-01T00:10Z", ["01-01T00:20", "01-01T00:40", "01-01T01:00"]),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00Z", ["02-29T00:00"]),
        ("0 0 13 * fri", "UTC", "2026-02-05T00:00Z", ["02-06T00:00", "02-13T00:00", "02-20T00:00"]),
        ("0 0 */2 * fri", "UTC", "2026-02-05T00:00Z", ["02-13T00:00", "02-27T00:00"]),
        ("0 12 * * 7", "UTC", "2026-11-21T00:00Z", ["11-22T12:00"]),
        ("0 12 * * 5-7", "UTC", "2026-11-19T13:00Z", ["11-20T12:00", "11-21T12:00", "11-22T12:00"]),
        ("5,10 3 1 JAN,jul *", "UTC", "2026-01-01T03:05Z", ["01-01T03:10", "07-01T03:05"]),
        ("@weekly", "UTC", "2026-11-21T00:00Z", ["11-22T00:00"]),
        ("30 5 * * *", "Asia/Kolkata", "2026-01-01T00:00Z", ["01-02T00:00"]),
        # Spring in Zurich, 2026-03-29: 02:00 to 03:00 is not. It runs an hour on, once.
        ("30 2 * * *", ZURICH, "2026-03-28T12:00Z", ["03-29T01:30", "03-30T00:30"]),
        ("0,30 2,3 29 3 *", ZURICH, "2026-03-28T12:00Z", ["03-29T01:00", "03-29T01:30"]),
        ("0 * * * *", ZURICH, "2026-03-28T23:30Z", ["03-29T00:00", "03-29T01:00", "03-29T02:00"]),
        # Autumn, 2026-10-25: 02:00 to 03:00 is twice. It runs the first time.
        ("30 2 * * *", ZURICH, "2026-10-24T12:00Z", ["10-25T00:30", "10-26T01:30"]),
        ("0 * * * *", ZURICH, "2026-10-24T23:30Z", ["10-25T00:00", "10-25T01:00", "10-25T02:00"]),
        # Half an hour on Lord Howe, a whole day in Samoa.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00Z", ["10-03T15:45", "10-04T15:15"]),
        ("0 9 30 12 *", "Pacific/Apia", "2011-12-29T00:00Z", ["12-30T19:00"]),
    ],
)
def test_slots_come_as_they_are_read(pattern: str, zone: str, after: str, slots: list[str]) -> None:
    cron, place, found = Cron.parse(pattern, zone), at(after), []
    for _ in slots:
        following = cron.next(place)
        assert following is not None
        found.append(place := following)
    assert shown(found) == slots
    assert cron.latest(at(after), found[-1], 100) == found
    assert cron.latest(at(after), found[-1], 1) == found[-1:]


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("0 0 12 * * ? *", "five fields"),
        ("60 * * * *", "'60' is no minute: there are 0 to 59"),
        ("* 24 * * *", "no hour"),
        ("* * 0 * *", "no day of the month"),
        ("* * * 13 *", "no month"),
        ("* * * * 8", "no day of the week"),
        ("* * * * fri-mon", "lesser to the greater"),
        ("5/15 * * * *", "a step follows"),
        ("*/0 * * * *", "a step is"),
        ("-1 * * * *", "no minute"),
        ("1,,2 * * * *", "no minute"),
        ("* * ? * *", "no day of the month"),
        ("* * L * *", "no day of the month"),
        ("\u0661 * * * *", "no minute"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("* " * 5_000, "five fields"),
    ],
)
def test_what_means_nothing_is_refused_with_the_reason(pattern: str, why: str) -> None:
    with pytest.raises(SlotsInvalid, match=why):
        Cron.parse(pattern)


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../../etc/passwd", "/etc/passwd", "x" * 100])
def test_a_zone_is_of_the_database(zone: str) -> None:
    with pytest.raises(SlotsInvalid):
        zone_of(zone)


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("15 minutes", ["11-23T00:15", "11-23T00:30"]),
        ("minute", ["11-23T00:08", "11-23T00:09"]),
        ("2 Hours", ["11-23T02:00", "11-23T04:00"]),
        ("1 day", ["11-24T00:00", "11-25T00:00"]),
    ],
)
def test_a_rate_counts_from_the_epoch(text: str, slots: list[str]) -> None:
    rate, after = Rate.parse(text), at("2026-11-23T00:07:30Z")
    one = rate.next(after)
    assert one is not None
    two = rate.next(one)
    assert two is not None
    assert shown([one, two]) == slots
    assert rate.latest(after, two, 9) == [one, two]
    assert rate.latest(after, two, 1) == [two]
    assert rate.latest(two, two, 9) == []


@pytest.mark.parametrize("text", ["", "0 minutes", "15", "-1 hours", "1.5 days", "99999 days"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(SlotsInvalid):
        Rate.parse(text)


def spans(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    ranges = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.tuples(st.one_of(st.just("*"), ranges), st.integers(1, high))
    part = st.one_of(number.map(str), ranges, steps.map(lambda pair: f"{pair[0]}/{pair[1]}"))
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


PATTERNS = st.tuples(spans(0, 59), spans(0, 23), spans(1, 28), spans(1, 12), spans(0, 7))
ZONES = st.sampled_from(
    [
        *(ZURICH, "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"),
        *("America/St_Johns", "Africa/Casablanca", "Pacific/Apia", "America/Sao_Paulo"),
    ]
)
CHANGES = [  # of the clock, somewhere
    *("2026-03-29T01:00Z", "2026-10-25T01:00Z", "2026-03-08T07:00Z", "2026-11-01T06:00Z"),
    *("2026-10-03T15:30Z", "2026-04-04T15:00Z", "2011-12-30T10:00Z", "2018-11-04T03:00Z"),
]


def numbers(field: str, low: int, high: int) -> set[int]:
    """A field as its manual reads, in the plainest words."""
    found = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        begin, end = (low, high) if span == "*" else (int(first), int(last or first))
        found |= {n for n in range(begin, end + 1) if (n - begin) % int(step or 1) == 0}
    return found


def oracle(fields: tuple[str, ...], zone: ZoneInfo, first: int, last: int) -> list[int]:
    """Every minute is looked at: of walls for patterns of hours, of time for those of each."""
    limits = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    minutes, hours, days, months, weekdays = (
        numbers(field, *limit) for field, limit in zip(fields, limits, strict=True)
    )

    def meant(wall: datetime) -> bool:
        of_week = {day % 7 for day in weekdays}
        one, other = wall.day in days, wall.isoweekday() % 7 in of_week
        both_said = fields[2][0] != "*" and fields[4][0] != "*"
        return (
            wall.minute in minutes
            and wall.hour in hours
            and wall.month in months
            and (one or other if both_said else one and other)
        )

    found = set()
    if len(hours) == 24:
        for slot in range(first - first % 60, last + 60, 60):
            if meant(datetime.fromtimestamp(slot, zone)):
                found.add(slot)
    else:
        wall = datetime.fromtimestamp(first, UTC).replace(tzinfo=None, second=0) - timedelta(2)
        while wall < datetime.fromtimestamp(last, UTC).replace(tzinfo=None) + timedelta(2):
            if meant(wall):
                found.add(int(wall.replace(tzinfo=zone).timestamp()))
            wall += timedelta(minutes=1)
    return sorted(slot for slot in found if first < slot <= last)


@settings(max_examples=80, deadline=None)
@given(PATTERNS, ZONES, st.sampled_from(CHANGES), st.integers(-90_000, 90_000))
def test_slots_around_changes_of_the_clock_are_those_of_the_calendar(
    fields: tuple[str, ...], zone: str, change: str, shift: int
) -> None:
    first = at(change) + shift - 43_200
    last = first + 86_400
    cron = Cron.parse(" ".join(fields), zone)
    wanted = oracle(fields, ZoneInfo(zone), first, last)
    assert cron.latest(first, last, 5_000) == wanted
    following = cron.next(first)
    if wanted:
        assert following == wanted[0]
    elif following is not None:
        assert following > last
