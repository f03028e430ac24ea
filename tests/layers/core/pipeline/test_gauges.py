"""How far behind consumers are, told now and then."""

from __future__ import annotations

import pytest

from covey.pipeline.gauges import HOUR_MS, Gauge, Gauges
from covey.testing.pipeline import MemoryGauges
from tests.layers.core.pipeline.world import NOW, Kept, World, changes


def test_a_batch_says_how_late_it_was_and_how_much_there_was() -> None:
    world = World(Kept("kept"))
    world.now = NOW + 700
    world.take("posts/a", "posts/b", at=NOW)
    known = world.gauges.read(1)["kept"]
    assert (known.batches, known.changes, known.newest) == (1, 2, NOW)
    assert (known.lag, known.worst, known.seen) == (700, 700, NOW + 700)


def test_failures_and_letters_are_counted() -> None:
    world = World(Kept("broken", poison="a"))
    world.take("posts/a", "posts/b")
    known = world.gauges.read(1)["broken"]
    # The batch, and the change alone three times.
    assert (known.batches, known.changes, known.failures, known.letters) == (1, 1, 4, 1)


def test_a_process_writes_at_most_every_ten_seconds_and_metrics_are_what_came_since() -> None:
    world = World(Kept("kept"))
    for _ in range(30):
        world.now += 1000
        world.take("posts/a")
    assert len(world.emitted) == 3
    told = sum(one["kept"].changes for one in world.emitted)
    assert told == world.gauges.read(1)["kept"].changes == 21


def test_what_an_hour_still_had_is_told_with_the_next() -> None:
    world = World(Kept("kept"))
    world.take("posts/a")
    world.now += 1000
    world.take("posts/a")
    world.now += HOUR_MS
    world.take("posts/a")
    assert world.gauges.read(1)["kept"].changes == 1
    assert world.gauges.read(2)["kept"].changes == 3


def test_processes_are_added_up_and_the_lag_is_that_of_the_last() -> None:
    store = MemoryGauges()
    late, soon = (Gauges(store, lambda _: None, now=lambda at=at: at) for at in (NOW + 9000, NOW))
    late.applied("kept", 2, NOW)
    soon.applied("kept", 3, NOW - 20_000)
    late.flush()
    soon.flush()
    known = late.read(1)["kept"]
    assert (known.changes, known.newest, known.lag, known.worst) == (5, NOW, 9_000, 20_000)


def test_a_store_that_is_away_fails_nothing() -> None:
    class Away(MemoryGauges):
        def put(self, *_: object) -> None:
            raise OSError

    gauges = Gauges(Away(), lambda _: None, now=lambda: NOW)
    gauges.applied("kept", 1, NOW)
    gauges.flush()
    assert gauges.read(1) == {}


def test_a_consumer_elsewhere_is_counted_too() -> None:
    now = [NOW]
    gauges = Gauges(MemoryGauges(), lambda _: None, now=lambda: now[0])
    batch = changes("posts/a", "posts/b", at=NOW - 500)
    with gauges.around("realtime", batch):
        pass
    with gauges.around("realtime", []):
        pass
    with pytest.raises(OSError, match="away"), gauges.around("realtime", batch):
        raise OSError("away")
    now[0] += 10_000
    gauges.flush()
    assert gauges.read(1)["realtime"] == Gauge(1, 2, 1, 0, NOW - 500, 500, 500, NOW)


def test_less_is_what_was_counted_since() -> None:
    assert Gauge(5, 50, 2, 1, 9, 8, 7, 6).less(Gauge(4, 40, 2, 0)) == Gauge(1, 10, 0, 1, 9, 8, 7, 6)
