"""How fast sockets send, as the table and the twin keep it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covey.realtime.pacing import Frames
from covey.store.models.frames import DynamoFrames
from covey.testing.frames import MemoryFrames

KINDS: dict[str, Callable[[], Frames]] = {"table": DynamoFrames, "memory": MemoryFrames}


@pytest.fixture(params=KINDS)
def frames(request: pytest.FixtureRequest) -> Callable[[], Frames]:
    if request.param == "memory":
        kept = MemoryFrames()
        return lambda: kept
    request.getfixturevalue("table")
    return DynamoFrames


def test_a_bucket_is_put_off_by_each_frame_and_never_begins_in_the_past(
    frames: Callable[[], Frames],
) -> None:
    store = frames()
    assert [store.spend("a", 1_000, 50) for _ in range(3)] == [1_050, 1_100, 1_150]
    assert store.spend("a", 1_120, 50) == 1_200
    assert store.spend("a", 9_000, 50) == 9_050
    assert store.spend("b", 9_000, 50) == 9_050


def test_processes_that_do_not_know_of_each_other_count_together(
    frames: Callable[[], Frames],
) -> None:
    one, other = frames(), frames()
    assert [one.spend("a", 1_000, 50), other.spend("a", 1_000, 50)] == [1_050, 1_100]
    assert one.spend("a", 1_000, 50) == 1_150
    assert [other.spend("a", 5_000, 50), one.spend("a", 5_010, 50)] == [5_050, 5_100]


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 200)), max_size=12))
@pytest.mark.usefixtures("table")
def test_the_table_counts_as_the_twin_does(steps: list[tuple[int, int]]) -> None:
    key = uuid4().hex
    twin, processes, now = MemoryFrames(), [DynamoFrames() for _ in range(3)], 1_000
    for process, pause in steps:
        now += pause
        assert processes[process].spend(key, now, 50) == twin.spend(key, now, 50)
