from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.gateway.cron import ScheduleError, parse


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def times(expression: str, start: str, count: int, zone: str = "UTC") -> list[str]:
    slots, now, found = parse(expression, timezone=zone), at(start, zone), []
    for _ in range(count):
        following = slots.next(now)
        if following is None:
            break
        now = following
        found.append(f"{datetime.fromtimestamp(now, ZoneInfo(zone)):%a %Y-%m-%d %H:%M}")
    return found


# The examples of AWS's "Cron expressions reference", from Thursday 2026-01-01 on.
EXAMPLES = {
    "cron(0 10 * * ? *)": ["Thu 2026-01-01 10:00", "Fri 2026-01-02 10:00"],
    "cron(15 12 * * ? *)": ["Thu 2026-01-01 12:15", "Fri 2026-01-02 12:15"],
    "cron(0 18 ? * MON-FRI *)": [
        "Thu 2026-01-01 18:00",
        "Fri 2026-01-02 18:00",
        "Mon 2026-01-05 18:00",
    ],
    "cron(0 8 1 * ? *)": ["Thu 2026-01-01 08:00", "Sun 2026-02-01 08:00"],
    "cron(0/15 * * * ? *)": [
        "Thu 2026-01-01 00:15",
        "Thu 2026-01-01 00:30",
        "Thu 2026-01-01 00:45",
        "Thu 2026-01-01 01:00",
    ],
    "cron(0/10 * ? * MON-FRI *)": ["Thu 2026-01-01 00:10", "Thu 2026-01-01 00:20"],
    "cron(0/5 8-17 ? * MON-FRI *)": ["Thu 2026-01-01 08:00", "Thu 2026-01-01 08:05"],
    "cron(0/30 20-2 ? * MON-FRI *)": None,  # refused: hours do not go over midnight in a range
    "cron(15 10 ? * 6L 2026-2028)": [
        "Fri 2026-01-30 10:15",
        "Fri 2026-02-27 10:15",
        "Fri 2026-03-27 10:15",
    ],
    "cron(0 9 ? * 2#1 *)": ["Mon 2026-01-05 09:00", "Mon 2026-02-02 09:00"],
    "cron(30 7 ? * SUN#5 *)": ["Sun 2026-03-29 07:30", "Sun 2026-05-31 07:30"],
    "cron(0 0 L * ? *)": ["Sat 2026-01-31 00:00", "Sat 2026-02-28 00:00"],
    "cron(0 0 L-3 * ? *)": ["Wed 2026-01-28 00:00", "Wed 2026-02-25 00:00"],
    "cron(0 0 LW * ? *)": ["Fri 2026-01-30 00:00", "Fri 2026-02-27 00:00"],
    "cron(0 0 3W * ? *)": ["Fri 2026-01-02 00:00", "Tue 2026-02-03 00:00"],
    "cron(0 0 1W 8 ? *)": ["Mon 2026-08-03 00:00", "Mon 2027-08-02 00:00", "Tue 2028-08-01 00:00"],
    "cron(0 0 31W * ? *)": ["Fri 2026-01-30 00:00", "Tue 2026-03-31 00:00"],
    "cron(0 0 29 2 ? *)": ["Tue 2028-02-29 00:00", "Sun 2032-02-29 00:00"],
    "cron(0 0 ? * FRI-MON *)": [
        "Fri 2026-01-02 00:00",
        "Sat 2026-01-03 00:00",
        "Sun 2026-01-04 00:00",
        "Mon 2026-01-05 00:00",
        "Fri 2026-01-09 00:00",
    ],
    "cron(0 0 1 JAN,JUL ? *)": ["Wed 2026-07-01 00:00", "Fri 2027-01-01 00:00"],
    "cron(0 0 ? * L *)": ["Sat 2026-01-03 00:00", "Sat 2026-01-10 00:00"],
    "cron(0 12 1 1 ? 2025)": [],
    "cron(5,35 14 * * ? 2026)": ["Thu 2026-01-01 14:05", "Thu 2026-01-01 14:35"],
    "at(2026-11-20T13:00:00)": ["Fri 2026-11-20 13:00"],
}


@pytest.mark.parametrize(
    "expression", [each for each, want in EXAMPLES.items() if want is not None]
)
def test_examples(expression: str) -> None:
    wanted = EXAMPLES[expression]
    assert wanted is not None
    assert times(expression, "2026-01-01T00:00:00", len(wanted) or 1) == wanted


@pytest.mark.parametrize(
    "expression",
    [
        *(each for each, want in EXAMPLES.items() if want is None),
        "cron(* * * * * *)",
        "cron(* * ? * ? *)",
        "cron(0 0 * * ?)",
        "cron(60 0 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 0 0 * ? *)",
        "cron(0 0 ? * 8 *)",
        "cron(0 0 ? * MON#6 *)",
        "cron(0 0 ? * NOP *)",
        "cron(1-2-3 0 * * ? *)",
        "cron(0/0 0 * * ? *)",
        "cron(0 0 W * ? *)",
        "cron(٣ 0 * * ? *)",
        "rate(0 minutes)",
        "rate(1 minutes)",
        "rate(5 minute)",
        "rate(5 seconds)",
        "at(soon)",
        "every day",
        "",
    ],
)
def test_what_aws_refuses_is_refused(expression: str) -> None:
    with pytest.raises(ScheduleError):
        parse(expression)


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ScheduleError, match="time zone"):
        parse("cron(0 0 * * ? *)", timezone="Mars/Olympus")


def test_summer_time_skips_and_repeats_no_run() -> None:
    berlin = "Europe/Berlin"
    spring = times("cron(30 2 * * ? *)", "2026-03-28T00:00:00", 2, berlin)
    assert spring == ["Sat 2026-03-28 02:30", "Mon 2026-03-30 02:30"]
    autumn = times("cron(30 2 * * ? *)", "2026-10-24T12:00:00", 2, berlin)
    assert autumn == ["Sun 2026-10-25 02:30", "Mon 2026-10-26 02:30"]
    assert parse("cron(0 9 * * ? *)", timezone="Asia/Tokyo").next(at("2026-01-01T00:30:00")) == at(
        "2026-01-02T00:00:00"
    )


def test_a_rate_counts_from_its_start() -> None:
    slots = parse("rate(5 minutes)", start=1000)
    assert [slots.newest(now) for now in (1000, 1299, 1300, 1899)] == [None, None, 1300, 1600]
    assert [slots.next(now) for now in (900, 1000, 1300)] == [1300, 1300, 1600]


@given(
    st.sampled_from([e for e, want in EXAMPLES.items() if want]),
    st.integers(at("2026-01-01T00:00:00"), at("2027-06-01T00:00:00")),
)
def test_next_and_newest_agree(expression: str, now: int) -> None:
    slots = parse(expression)
    following = slots.next(now)
    if following is not None:
        assert following > now
        assert slots.newest(following) == following
        before = slots.newest(following - 1)
        assert before is None or before <= now
        assert datetime.fromtimestamp(following, UTC).second == 0
