"""kill -9 of the schedules' tick at each of its calls: each slot is one job, none is missing."""

from __future__ import annotations

import signal
from collections import Counter
from typing import Any

import pytest

from covey.records.time import now_ms, rfc3339
from covey.schedules.model import CatchUp, Overlap, Schedule
from covey.wiring import services
from tests.functions.dying import zygote

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
TICK = "functions.jobs.tick"
MINUTE = 60_000
MISSED = 3


def put(name: str) -> int:
    """A schedule of each minute, some of whose slots were missed; since when it is."""
    since = now_ms() // MINUTE * MINUTE - MISSED * MINUTE
    made = Schedule(
        name,
        every="1 minute",
        job="reconcile",
        since=since,
        catch_up=CatchUp.ALL,
        catch_up_limit=100,
        overlap=Overlap.ALLOW,
    )
    assert services().schedule_store.save(None, made) is not None
    return since


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_tick_killed_at_any_call_begins_each_slot_once(api: Any, when: str) -> None:
    killed = 0
    with zygote(TICK) as processes:
        for call in range(1, 100):
            name = f"s{call}"
            since = put(name)
            end = processes.run(TICK, {"time": "2026-11-23T00:00:00Z"}, call, when)
            if end != 0:
                assert end == -signal.SIGKILL
                killed += 1
                assert processes.run(TICK, {"time": "2026-11-23T00:00:00Z"}) == 0
            jobs = services().job_store.list(f"system:schedule.{name}", 1000)
            slots = Counter(job.detail["slot"] for job in jobs)
            wanted = [rfc3339(since + n * MINUTE) for n in range(1, MISSED + 1)]
            assert set(wanted) <= set(slots)
            assert set(slots.values()) == {1}
            schedule = services().schedule_store.get(name)
            assert schedule is not None
            assert services().schedule_store.remove(schedule)
            if end == 0:
                break
    assert killed > 5, "it should take more calls than that"
