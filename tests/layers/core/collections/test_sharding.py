"""A collection spreads over more shards, and nothing that is there moves."""

from __future__ import annotations

import pytest

from covey.collections.document import load, restore, state
from covey.collections.model import Epoch
from covey.collections.sharding import LEAD_MS, MAX_EPOCHS, resharded
from covey.errors import Invalid
from covey.records.ids import IdMaker
from covey.store import keys

NOW = 1_800_000_000_000
POSTS = load({"name": "posts", "fields": {"title": {"type": "text"}}})


def test_new_records_spread_from_five_minutes_on_and_the_others_stay() -> None:
    after = resharded(POSTS, 8, NOW)
    assert after.schedule == (Epoch(0, 1), Epoch(NOW + LEAD_MS, 8))
    assert after.version == POSTS.version + 1
    assert restore(state(after)) == after
    ids = IdMaker()
    before = [ids.make(NOW + LEAD_MS - 1) for _ in range(50)]
    later = [ids.make(NOW + LEAD_MS) for _ in range(200)]
    assert {keys.record(after, one) for one in before} == {
        keys.record(POSTS, one) for one in before
    }
    assert {keys.record(after, one)[0] for one in later} == {f"posts.{n}" for n in range(8)}


def test_changes_follow_each_other_and_none_is_taken_back() -> None:
    twice = resharded(resharded(POSTS, 8, NOW), 2, NOW)
    assert twice.schedule[1:] == (Epoch(NOW + LEAD_MS, 8), Epoch(NOW + LEAD_MS + 1, 2))
    assert list(keys.shards(twice)) == list(range(8))


def test_as_many_as_there_are_is_no_change() -> None:
    assert resharded(POSTS, 1, NOW) is POSTS


@pytest.mark.parametrize("shards", [0, -1, 1_001])
def test_another_number_is_refused(shards: int) -> None:
    with pytest.raises(Invalid):
        resharded(POSTS, shards, NOW)


def test_a_schedule_does_not_grow_without_end() -> None:
    collection = POSTS
    for number in range(MAX_EPOCHS - 1):
        collection = resharded(collection, 2 + number % 2, NOW + number)
    with pytest.raises(Invalid, match="100 times"):
        resharded(collection, 7, NOW)
