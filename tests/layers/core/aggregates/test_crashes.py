"""kill -9 of the consumer at each of its steps: totals are what marks say, and in the end exact."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from covey.collections.model import Collection
from covey.store.totals import DynamoTotals
from covey.store.transport import transport
from tests.layers.core.aggregates.dying import history, main
from tests.layers.core.aggregates.world import assert_exact

ROOT = Path(__file__).resolve().parents[4]


def run(table: str, name: str, work: str, at: int, when: str) -> int:
    """The process's end: 0, or minus its signal."""
    program = [sys.executable, "-m", "tests.layers.core.aggregates.dying"]
    done = subprocess.run([*program, table, name, work, str(at), when], cwd=ROOT, check=False)
    return done.returncode


def assert_of_one_piece(collection: Collection, totals: DynamoTotals) -> None:
    """The totals are exactly what the marks hold."""
    held: dict[int, Counter[str]] = {
        one.number: Counter() for one in collection.aggregates.values()
    }
    place: str | None = ""
    while place is not None:
        marks, place = totals.walk(collection, place, 100)
        for mark in marks:
            for number, one in mark.held.items():
                held[number][one.group] += 1
    for aggregate in collection.aggregates.values():
        found = {one.group: one.count for one in totals.totals(collection, aggregate, (), 1_000)}
        assert found == held[aggregate.number]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("work", ["apply", "mend"])
def test_a_consumer_killed_at_any_step_leaves_nothing_half_done(
    table: str, work: str, when: str
) -> None:
    totals = DynamoTotals(transport(), table)
    killed = 0
    for at in range(1, 30):
        name = f"sales{at}"
        records = history(name)
        end = run(table, name, work, at, when)
        assert_of_one_piece(records.collection, totals)
        if end == 0:
            break
        assert end == -signal.SIGKILL
        killed += 1
        main(table, name, work, "0", when)
        assert_exact(records, totals)
        # What is told once more after that changes nothing.
        main(table, name, "apply", "0", when)
        assert_exact(records, totals)
    assert killed >= 3, "it should take a few calls"
    assert_exact(records, totals)
