"""How many shards keep every partition key below what DynamoDB serves."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.store.heat import WRITES_PER_KEY, recommended_shards, write_units


@pytest.mark.parametrize(
    ("creates", "more", "shards"),
    [
        (0, {}, 1),
        (850, {}, 1),
        (1_000, {}, 2),
        (20_000, {}, 24),
        (20_000, {"item_bytes": 1_025}, 50),
        (20_000, {"transactions": True}, 50),
        (20_000, {"skews": (0.1, 1.0)}, 24),
        (0, {"indexed_updates_per_s": 10_000, "skews": (1.0,)}, 24),
        (0, {"indexed_updates_per_s": 10_000, "skews": (0.2,)}, 12),
    ],
)
def test_as_many_as_the_writes_ask_for(creates: float, more: dict[str, float], shards: int) -> None:
    assert recommended_shards(creates, **more) == shards  # type: ignore[arg-type]


def test_what_no_number_of_shards_serves_is_said() -> None:
    with pytest.raises(ValueError, match="at most 1000"):
        recommended_shards(10**7)


@given(st.floats(1, 300_000), st.integers(1, 3_000))
def test_a_shard_has_room_for_five_deviations_and_no_more_than_a_shard_to_spare(
    creates: float, item_bytes: int
) -> None:
    units = write_units(item_bytes)
    try:
        shards = recommended_shards(creates, item_bytes)
    except ValueError:
        return

    def hottest(count: int) -> float:
        mean = creates / count
        return units * (mean + 5 * math.sqrt(mean))

    assert hottest(shards) <= WRITES_PER_KEY * (1 + 1e-9)
    assert shards == 1 or hottest(shards - 1) > WRITES_PER_KEY
