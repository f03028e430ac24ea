"""Each slot once: over changes of the clock, jumps, late and double ticks."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.jobs.model import Status
from covey.records.time import parse_rfc3339, rfc3339
from covey.schedules.tick import GRACE_S, Tick
from tests.layers.core.schedules.house import MINUTE, ROOT, House
from tests.layers.core.schedules.test_cron import PATTERNS, ZONES, at, oracle

HOUR = 60 * MINUTE
ZURICH = "Europe/Zurich"


def ticks(house: House, until: int, every: int = MINUTE) -> None:
    while house.clock.ms < until:
        house.clock.ms += every
        house.tick.run()


def once_each(house: House) -> list[str]:
    found = house.slots()
    assert Counter(found).most_common(1)[0][1] == 1 if found else True
    return found


@pytest.mark.parametrize(
    ("begins", "cron", "slots"),
    [
        ("2026-03-28T00:00Z", "30 2 * * *", ["03-28T01:30", "03-29T01:30", "03-30T00:30"]),
        ("2026-10-24T00:00Z", "30 2 * * *", ["10-24T00:30", "10-25T00:30", "10-26T01:30"]),
    ],
)
def test_a_schedule_runs_once_a_day_over_both_changes_of_the_clock(
    begins: str, cron: str, slots: list[str]
) -> None:
    house = House(at(begins) * 1000)
    house.put(cron=cron, zone=ZURICH, overlap="allow")
    ticks(house, at(begins) * 1000 + 72 * HOUR)
    assert [slot[5:16] for slot in once_each(house)] == slots


def test_a_clock_that_jumps_an_hour_ahead_and_back_loses_nothing_and_repeats_nothing() -> None:
    house = House()
    house.put(cron="*/10 * * * *", catch_up="all", catch_up_limit=100)
    began = house.clock.ms
    ticks(house, began + HOUR)
    house.clock.ms += HOUR  # wrongly
    ticks(house, house.clock.ms + 20 * MINUTE)
    house.clock.ms -= HOUR  # right again
    ticks(house, house.clock.ms + 2 * HOUR)
    house.clock.ms -= HOUR  # wrongly, the other way
    ticks(house, house.clock.ms + 30 * MINUTE)
    house.clock.ms += HOUR
    ticks(house, house.clock.ms + HOUR)
    wanted = [rfc3339(ms) for ms in range(began + 10 * MINUTE, house.clock.ms + 1, 10 * MINUTE)]
    assert once_each(house) == wanted


@settings(max_examples=40, deadline=None)
@given(
    PATTERNS,
    ZONES,
    st.sampled_from(["2026-03-28T12:00Z", "2026-10-24T12:00Z", "2026-11-01T00:00Z"]),
    st.lists(
        st.sampled_from([1, 1, 1, 2, 7, 30, 60, -60, 61, -3]).map(lambda minutes: minutes * MINUTE),
        min_size=5,
        max_size=60,
    ),
)
def test_whenever_ticks_come_every_slot_runs_once(
    fields: tuple[str, ...], zone: str, begins: str, steps: list[int]
) -> None:
    """Late, twice, ahead and back: up to where the clock has been, all, and none twice."""
    first = at(begins)
    house = House(first * 1000)
    # The default bound of what is caught up is another test's matter.
    house.put(cron=" ".join(fields), zone=zone, catch_up="all", catch_up_limit=100)
    last = first
    for step in steps:
        house.clock.ms += step
        house.tick.run()
        if step % 2 == 0:
            house.tick.run()
        last = max(last, house.clock.ms // 1000)
    wanted = oracle(fields, ZoneInfo(zone), first, last)
    found = [parse_rfc3339(slot) // 1000 for slot in house.slots()]
    assert len(found) == len(set(found))
    assert set(found) <= set(wanted)
    if max(steps) <= 100 * MINUTE:  # no gap holds more than the limit
        assert found == wanted


def test_two_ticks_at_once_begin_each_slot_once() -> None:
    house = House()
    for number in range(5):
        house.put(f"s{number}", every="1 minute", catch_up="all", catch_up_limit=100)
    house.clock.ms += 30 * MINUTE
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: house.tick.run(), range(8)))
    for number in range(5):
        slots = house.slots(f"s{number}")
        assert (len(slots), len(set(slots))) == (30, 30)
    house.work()
    assert len(house.did) == 150


@pytest.mark.parametrize(
    ("catch_up", "away", "slots"),
    [
        ("skip", 4 * 60, ["04:00"]),
        ("skip", 4 * 60 + 30, []),
        ("last", 4 * 60 + 30, ["04:00"]),
        ("last", 4 * 60 + 3, ["04:00"]),
        ("all", 4 * 60 + 30, ["01:00", "02:00", "03:00", "04:00"]),
        ("all", 24 * 60 + 30, ["22:00", "23:00", "00:00"]),
    ],
)
def test_what_was_missed_is_caught_up_as_the_schedule_says(
    catch_up: str, away: int, slots: list[str]
) -> None:
    house = House()
    house.put(cron="0 * * * *", catch_up=catch_up, catch_up_limit=3 if away > 999 else 24)
    house.clock.ms += away * MINUTE
    house.tick.run()
    assert [slot[11:16] for slot in house.slots()] == slots
    (schedule,) = house.schedule_store.all()
    assert schedule.missed == away // 60 - len(slots)


def test_slots_from_before_a_schedule_was_made_or_woken_never_run() -> None:
    house = House()
    house.clock.ms += 10 * 1000
    house.put(cron="* * * * *", catch_up="all", enabled=False)
    ticks(house, house.clock.ms + 10 * MINUTE)
    assert house.slots() == []
    house.schedules.patch(ROOT, "s", {"enabled": True})
    woken = house.clock.ms
    ticks(house, woken + 2 * MINUTE)
    assert [parse_rfc3339(slot) > woken for slot in house.slots()] == [True, True]


def test_a_tick_that_ends_halfway_is_made_up_for_by_the_next() -> None:
    house = House()
    house.put(every="1 minute", catch_up="all", catch_up_limit=100)
    house.clock.ms += 20 * MINUTE
    left = iter([True] * 8 + [False] * 100)
    house.tick.run(lambda: next(left))
    begun = len(house.slots())
    assert 0 < begun < 20
    house.tick.run()
    assert len(once_each(house)) == 20


def test_a_process_that_ends_between_the_run_and_its_message_loses_nothing() -> None:
    house = House()
    house.put(every="1 minute")
    house.clock.ms += MINUTE

    class Gone:
        def send(self, _body: object, _delay_s: int = 0) -> None:
            raise SystemExit

    broken = house.tasks_of(house.clock)
    broken._queue = Gone()  # type: ignore[assignment]
    runs = type(house.runs)(house.store, broken, house.queue, now=house.clock)
    with pytest.raises(SystemExit):
        Tick(house.schedule_store, runs, now=house.clock).run()
    assert (len(house.slots()), house.did) == (1, [])
    house.clock.ms += 2 * MINUTE
    house.tasks.send_due(lambda: True)
    house.work()
    assert len(house.did) == 1


def test_one_schedule_that_cannot_be_looked_at_holds_up_no_other() -> None:
    house = House()
    house.put("a", every="1 minute")
    house.put("b", every="1 minute")
    broken = house.schedule_store.get("a")
    assert broken is not None
    house.schedule_store.save(broken, replace(broken, cron="broken", every=""))
    house.clock.ms += MINUTE
    assert house.tick.run() == 1
    assert len(house.slots("b")) == 1


# ---- runs beside each other


def test_a_slot_that_meets_a_run_under_way_is_skipped_and_seen() -> None:
    house = House()
    house.put(every="1 minute", overlap="skip")
    ticks(house, house.clock.ms + 3 * MINUTE)
    states = [job.status for job in reversed(house.schedule_runs())]
    assert states == [Status.WAITING, Status.SKIPPED, Status.SKIPPED]
    house.work()
    ticks(house, house.clock.ms + MINUTE)
    house.work()
    assert house.schedule_runs()[0].status is Status.DONE
    assert len(house.did) == 2


def test_queued_runs_wait_for_each_other_in_order() -> None:
    house = House()
    order: list[str] = []

    @house.registry.task("slow")
    def slow() -> None:
        from covey.tasks.running import running

        order.append(running().slot)
        if len(order) == 1:  # the others' messages come while this one runs
            for body, _ in list(house.queue.sent):
                house.runner.run(body["job"], lambda: True)
            assert len(order) == 1

    house.put(task="slow", every="1 minute", overlap="queue", catch_up="all")
    house.clock.ms += 4 * MINUTE
    house.tick.run()
    house.queue.sent.reverse()  # as bad as it gets
    for _ in range(8):
        house.queue.sent = [(body, 0) for body, _ in house.queue.sent]
        house.work(len(house.queue.sent))
    assert len(order) == 4
    assert order == sorted(order)


def test_runs_that_may_overlap_do() -> None:
    house = House()
    house.put(every="1 minute", overlap="allow")
    ticks(house, house.clock.ms + 3 * MINUTE)
    assert {job.status for job in house.schedule_runs()} == {Status.WAITING}


def test_a_run_that_stands_still_is_asked_for_again_by_the_slot_that_it_blocks() -> None:
    house = House()
    house.put(every="10 minutes", overlap="skip")
    ticks(house, house.clock.ms + 10 * MINUTE)
    house.queue.take()  # lost
    ticks(house, house.clock.ms + 10 * MINUTE)
    assert house.work() == 1
    assert len(house.did) == 1


def test_a_run_knows_its_slot_and_keeps_what_it_said() -> None:
    house = House()

    @house.registry.task("report")
    def report(to: str) -> str:
        from covey import running

        run = running()
        run.log(f"for {to} of {run.slot}")
        return run.schedule

    house.put("nightly", task="report", cron="0 1 * * *", arguments={"to": "all"})
    ticks(house, house.clock.ms + HOUR)
    house.work()
    (job,) = house.schedule_runs("nightly")
    assert (job.status, job.result) == (Status.DONE, {"returned": "nightly"})
    assert job.log[0].endswith("INFO for all of 2026-11-23T01:00:00.000Z")
    assert job.id == "run-nightly-2026-11-23T01:00:00.000Z"
    assert house.jobs.get(ROOT, job.id) == job


def test_the_grace_is_longer_than_a_tick_may_be_late() -> None:
    assert GRACE_S >= 120
