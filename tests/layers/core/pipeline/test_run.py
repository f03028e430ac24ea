"""One batch through all consumers, each for itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.pipeline.run import PATIENCE_MS
from covey.pipeline.told import Told
from tests.layers.core.pipeline.world import NOW, Kept, World, changes


def test_each_consumer_gets_what_it_wants_in_order() -> None:
    both, one = Kept("both"), Kept("one", wanted="notes")
    assert World(both, one).take("posts/a", "notes/b", "posts/c", "posts/a") is None
    assert both.applied == ["posts/a", "posts/c", "posts/a", "notes/b"]
    assert one.applied == ["notes/b"]


def test_a_poison_change_is_a_dead_letter_of_its_consumer_and_lets_all_else_pass() -> None:
    first, broken, last = Kept("first"), Kept("broken", poison="b"), Kept("last")
    world = World(first, broken, last)
    assert world.take("posts/a", "posts/b", "posts/c", "notes/d") is None
    assert first.applied == last.applied == ["posts/a", "posts/b", "posts/c", "notes/d"]
    assert broken.applied == ["posts/a", "posts/c", "notes/d"]
    assert world.buried() == [("broken", "posts/b", "ValueError: poison b")]
    [letter] = world.letters.newest("broken", "", 9)
    assert (letter.sequence, letter.kind, letter.at) == ("1", "created", NOW)
    assert "Traceback" in letter.trace


def test_it_is_tried_a_few_times_before_and_ordered_again_after() -> None:
    broken = Kept("broken", poison="a")
    world = World(broken)
    world.take("posts/a")
    assert broken.calls == 3
    [letter] = world.letters.newest("broken", "", 9)
    assert world.queue.take() == [{"letter": letter.id}]


def test_the_same_change_told_again_is_the_same_letter() -> None:
    world = World(Kept("broken", poison="a"))
    world.take("posts/a")
    world.take("posts/a")
    assert len(world.buried()) == 1


@given(
    ids=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40),
    poison=st.sets(st.sampled_from("abcdefgh")),
)
def test_whatever_is_poison_the_rest_is_applied_in_order(ids: list[str], poison: set[str]) -> None:
    kept = Kept("kept", poison=" ".join(poison))
    world = World(kept)
    assert world.take(*(f"posts/{one}" for one in ids)) is None
    assert kept.applied == [f"posts/{one}" for one in ids if one not in poison]
    assert len(world.buried()) == len([one for one in ids if one in poison])


def test_what_is_away_is_waited_for_by_the_stream_and_the_others_go_on() -> None:
    away, sound = Kept("away"), Kept("sound")
    away.away = True
    world = World(away, sound)
    assert world.take("notes/n", "posts/a", "posts/b") == "0"
    assert sound.applied == ["notes/n", "posts/a", "posts/b"]
    assert not world.buried()
    away.away = False
    assert world.take("notes/n", "posts/a", "posts/b") is None


def test_the_stream_tells_again_from_the_first_that_is_not_settled() -> None:
    away = Kept("away", wanted="notes")
    away.away = True
    assert World(away).take("posts/a", "posts/b", "notes/c", "posts/d") == "2"


def test_what_stays_away_becomes_dead_letters() -> None:
    away = Kept("away")
    away.away = True
    world = World(away)
    assert world.take("posts/a", "posts/b") == "0"
    world.now += PATIENCE_MS - 1
    assert world.take("posts/a", "posts/b") == "0"
    world.now += 1
    assert world.take("posts/a", "posts/b") is None
    assert world.buried() == [
        ("away", f"posts/{one}", "Unavailable: unavailable: It is away.") for one in "ab"
    ]


def test_patience_begins_anew_when_something_was_taken_however_old_the_changes_are() -> None:
    away = Kept("away")
    world = World(away)
    for _ in range(4):
        away.away = True
        assert world.take("posts/a", at=NOW - 3_600_000) == "0"
        world.now += PATIENCE_MS // 2
        away.away = False
        assert world.take("posts/a", at=NOW - 3_600_000) is None
    assert not world.buried()


def test_where_the_time_is_over_the_stream_tells_again() -> None:
    world = World(Kept("broken", poison="b"))
    assert world.take("posts/a", "posts/b", left=False) == "0"
    assert not world.buried()


def test_where_no_letter_can_be_kept_the_stream_keeps_the_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(Kept("broken", poison="b"), sound := Kept("sound"))

    def away(*_: object) -> None:
        raise OSError("no table")

    monkeypatch.setattr(world.letters, "bury", away)
    assert world.take("posts/a", "posts/b", "posts/c") == "1"
    assert sound.applied == ["posts/a", "posts/b", "posts/c"]


def test_a_record_that_cannot_be_read_is_kept_and_its_neighbours_are_applied() -> None:
    kept = Kept("kept")
    world = World(kept)
    [sound] = changes("posts/a")
    broken = Told("7", {"raw": 1}, None, ValueError("no number"), "posts", "b", NOW)
    batch = [broken, Told("8", {}, sound), Told("9", {})]
    assert world.pipeline.take(batch, lambda: True) is None
    assert kept.applied == ["posts/a"]
    assert world.buried() == [("reading", "posts/b", "ValueError: no number")]


def test_changes_of_a_collection_that_is_gone_mean_nothing() -> None:
    kept = Kept("kept")
    assert World(kept).take("gone/a", "posts/b") is None
    assert kept.applied == ["posts/b"]


def test_a_quiet_pipeline_is_no_failure() -> None:
    assert World().take("posts/a") is None
    assert World(Kept("kept")).take() is None
