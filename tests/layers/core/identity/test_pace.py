"""Requests a minute: counted rightly, and with few writes."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import cycle

import pytest

from covey.identity.pace import Counters, Pace
from covey.testing.identity import MemoryAttemptStore
from tests.layers.core.identity.world import at_once


@dataclass
class Counting(MemoryAttemptStore):
    writes: int = 0
    keys: set[str] = field(default_factory=set)

    def count(self, key: str, amount: int, expires: int) -> int:
        self.writes += 1
        self.keys.add(key)
        return super().count(key, amount, expires)


def test_up_to_199_each_request_is_counted_and_the_limit_is_sharp() -> None:
    now = [90.0]
    pace = Pace(MemoryAttemptStore(), limit=5, clock=lambda: now[0])
    told = [pace.spend("ann") for _ in range(7)]
    assert [one.allowed for one in told] == [True] * 5 + [False] * 2
    assert [one.left for one in told] == [4, 3, 2, 1, 0, 0, 0]
    assert {one.resets for one in told} == {30}
    assert pace.spend("bob").allowed
    now[0] = 120.0
    assert pace.spend("ann").allowed


def test_who_is_over_the_limit_costs_no_more_writes() -> None:
    store = Counting()
    pace = Pace(store, limit=5, clock=lambda: 0.0)
    for _ in range(100):
        pace.spend("ann")
    assert store.writes == 5


@pytest.mark.parametrize("processes", [1, 10, 100])
def test_large_limits_are_kept_to_within_a_third_with_few_writes(processes: int) -> None:
    store, limit = Counting(), 6_000
    rng = random.Random(processes)
    paces = [
        Pace(store, limit=limit, clock=lambda: 0.0, chance=rng.random) for _ in range(processes)
    ]
    passed = 0
    for _, pace in zip(range(12_000), cycle(paces), strict=False):
        passed += pace.spend("ann").allowed
    # Each process learns of the limit by its own next draw: 60 requests, on the average.
    assert limit * 2 / 3 < passed < limit * 4 / 3 + 60 * processes
    assert store.writes < 400


def test_a_batch_counts_its_operations() -> None:
    pace = Pace(MemoryAttemptStore(), limit=150, clock=lambda: 0.0)
    assert pace.spend("ann", 100).left == 50
    assert not pace.spend("ann", 100).allowed


def test_the_counters_hold_no_names() -> None:
    store = Counting()
    Pace(store, limit=5).spend("address:203.0.113.7")
    assert all("203" not in key or len(key) == 64 for key in store.keys)


@pytest.mark.parametrize("kind", ["memory", "dynamo"])
def test_of_many_at_once_as_many_as_the_limit_pass(
    kind: str, request: pytest.FixtureRequest
) -> None:
    store: Counters = MemoryAttemptStore()
    if kind == "dynamo":
        request.getfixturevalue("table")
        from covey.store.models.throttle import DynamoAttemptStore

        store = DynamoAttemptStore()
    paces = [Pace(store, limit=10, clock=lambda: 0.0) for _ in range(4)]
    told, _ = at_once(20, lambda number: paces[number % 4].spend("ann").allowed)
    assert sum(told) == 10
