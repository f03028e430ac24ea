"""Hours of simulated time in which everything goes wrong; in the end everything agrees.

Writes come at random, consumers cannot or are away, processes end before and after any call,
batches and messages come again and in another order. ``SIMULATION_HOURS`` and ``SIMULATION_SEEDS``
make it longer: seeds with commas between.

    SIMULATION_HOURS=48 SIMULATION_SEEDS=7,8,9 pytest tests/simulation
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.layers.core.records.world import START
from tests.simulation.faults import Chance, Clock
from tests.simulation.kept import Kept
from tests.simulation.receivers import Receivers
from tests.simulation.slots import Slots
from tests.simulation.sockets import Sockets
from tests.simulation.writers import Table

HOURS = float(os.environ.get("SIMULATION_HOURS", "2"))
SEEDS = [int(one) for one in os.environ.get("SIMULATION_SEEDS", "1,2,3").split(",")]
HOUR = 3_600_000
pytestmark = pytest.mark.timeout(120 + 60 * HOURS)


class World:
    """All parts, and what may happen next."""

    def __init__(self, seed: int, table: str | None = None) -> None:
        self.clock, self.chance = Clock(START), Chance(seed)
        self.table = Table(table, self.clock, self.chance)
        self.receivers = Receivers(self.table, self.clock, self.chance)
        self.kept = Kept(self.table, table, self.clock, self.chance, self.receivers.making)
        self.sockets = Sockets(self.table, self.clock, self.chance)
        self.slots = Slots(self.clock, self.chance)
        self.steps: list[tuple[Callable[[], object], int]] = [
            (self.table.write, 10),
            (self.kept.deliver, 6),
            (self.kept.redrive, 3),
            (self.sockets.deliver, 6),
            (self.sockets.come_or_go, 4),
            (self.slots.look, 2),
            (self.slots.work, 4),
            (self.receivers.look, 2),
            (self.receivers.work, 4),
        ]

    def run(self, hours: float) -> None:
        end = self.clock.ms + int(hours * HOUR)
        steps, weights = zip(*self.steps, strict=True)
        while self.clock.ms < end:
            self.clock.ms += int(self.chance.dice.expovariate(1 / 4_000))
            self.chance.dice.choices(steps, weights)[0]()
            for change in self.table.new():
                self.kept.stream.tell(change)
                self.sockets.stream.tell(change)

    def settle(self) -> None:
        self.chance.kind = True
        self.slots.settle()
        self.sockets.settle()
        self.kept.settle()
        self.receivers.settle()


def hold(world: World, hours: float) -> None:
    world.run(hours)
    world.settle()
    log = world.table.store.changes
    world.kept.agrees(log)
    world.sockets.agrees()
    world.slots.agrees()
    world.receivers.agrees(log)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_goes_wrong_all_agrees_in_the_end(seed: int) -> None:
    world = World(seed)
    hold(world, HOURS)
    assert len(world.table.store.changes) > 100 * HOURS
    # It did go wrong, in each way.
    kept, sockets = world.kept, world.sockets
    assert min(kept.stream.crashes, kept.stream.repeats, sockets.stream.crashes) > 0
    assert kept.buried > 0
    assert sum(one.failed for one in kept.frail) > 10
    assert sum(one.resumed for one in sockets.clients) > 10
    assert sum(one.reloads for one in sockets.clients) > len(sockets.clients)
    assert world.slots.killed + world.slots.queue.crashes > 0
    assert world.receivers.calls > len(world.table.store.changes) * 3
    assert world.receivers.queue.crashes > 0


@pytest.mark.slow
def test_so_it_does_over_the_data_engine(table: str) -> None:
    hold(World(SEEDS[0], table), min(HOURS, 1))
