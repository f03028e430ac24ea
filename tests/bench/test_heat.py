"""A second of the simulation that bench/heat.md has ten of."""

from __future__ import annotations

from bench import heat
from covey.store.heat import READS_PER_KEY, WRITES_PER_KEY, recommended_shards

ADVISED = recommended_shards(heat.RATE, 1_024, skews=(0.2, 0.75, 1.0))


def test_at_the_recommended_shards_no_partition_key_is_too_hot() -> None:
    simulated = heat.simulate(ADVISED, 1)
    hottest = simulated.hottest()
    assert simulated.served(), hottest
    assert set(hottest) == {"table", "slot-0", "slot-1", "slot-2", "expiry"}
    assert all(writes <= WRITES_PER_KEY for writes, _ in hottest.values())
    assert all(reads <= READS_PER_KEY for _, reads in hottest.values())
    assert hottest["table"][0] > 700  # and not by having far too many


def test_without_shards_the_table_and_the_indexes_are_too_hot() -> None:
    simulated = heat.simulate(1, 1)
    assert not simulated.served()
    hottest = simulated.hottest()
    assert hottest["table"] == (heat.RATE, heat.GETS / 2)
    assert all(hottest[index][0] > WRITES_PER_KEY for index in ("slot-0", "slot-1", "slot-2"))
    assert hottest["expiry"][0] < WRITES_PER_KEY  # which no collection shards


def test_the_page_says_what_is_recommended() -> None:
    assert f"recommends {ADVISED} shards" in heat.PAGE.read_text(encoding="utf-8")
