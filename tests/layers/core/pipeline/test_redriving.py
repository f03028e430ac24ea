"""Dead letters are taken up again, by the consumer that failed alone."""

from __future__ import annotations

import pytest

from covey.pipeline.letters import PAUSES, consumer_of
from tests.layers.core.pipeline.world import Kept, World


@pytest.fixture
def broken() -> Kept:
    return Kept("broken", poison="a b")


@pytest.fixture
def sound() -> Kept:
    return Kept("sound")


@pytest.fixture
def world(broken: Kept, sound: Kept) -> World:
    made = World(sound, broken)
    made.take("posts/a", "posts/b", "posts/c")
    made.queue.take()
    broken.applied.clear()
    sound.applied.clear()
    return made


def ids(world: World) -> list[str]:
    return [one.id for one in world.letters.oldest("broken", "", 99)]


def test_a_letter_goes_once_it_was_applied_and_nobody_else_hears_of_it(
    world: World, broken: Kept, sound: Kept
) -> None:
    broken.poison.clear()
    first, second = ids(world)
    assert world.redriver.redrive(first)
    assert (broken.applied, sound.applied) == (["posts/a"], [])
    assert ids(world) == [second]
    assert not world.redriver.redrive(first)


def test_all_of_a_consumer_are_taken_up_in_the_order_of_their_changes(
    world: World, broken: Kept
) -> None:
    broken.poison = {"a"}
    world.redriver.carry_out({"consumer": "broken"}, lambda: True)
    assert broken.applied == ["posts/b"]
    assert len(ids(world)) == 1
    broken.poison.clear()
    world.redriver.carry_out({"consumer": "broken"}, lambda: True)
    assert ids(world) == []


def test_where_the_time_is_over_the_rest_is_ordered(world: World, broken: Kept) -> None:
    broken.poison.clear()
    left = iter([True, False])
    world.redriver.carry_out({"consumer": "broken"}, lambda: next(left))
    assert broken.applied == ["posts/a"]
    [order] = world.queue.take()
    world.redriver.carry_out(order, lambda: True)
    assert broken.applied == ["posts/a", "posts/b"]


def test_one_that_fails_again_says_why_and_rests_after_its_tries(
    world: World, broken: Kept
) -> None:
    letter_id, _ = ids(world)
    for attempts in range(1, len(PAUSES) + 2):
        world.now += 60_000
        assert not world.redriver.redrive(letter_id)
        letter = world.letters.get(letter_id)
        assert letter is not None
        assert (letter.attempts, letter.failed) == (attempts, world.now)
        ordered = world.queue.take()
        assert ordered == ([] if letter.resting else [{"letter": letter_id}])


def test_a_letter_of_a_consumer_that_is_gone_stays(world: World) -> None:
    other = World(letters=world.letters)
    other.known = world.known
    first = ids(world)[0]
    assert not other.redriver.redrive(first)
    letter = world.letters.get(first)
    assert letter is not None
    assert letter.error == "UnknownConsumerError: broken"


def test_a_letter_of_a_collection_that_is_gone_goes(broken: Kept) -> None:
    world = World(broken)
    world.take("posts/a")
    [letter] = world.letters.oldest("broken", "", 9)
    change = world.known["0"]
    object.__setattr__(change, "collection", "gone")
    assert world.redriver.redrive(letter.id)


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "....", "0.1.2.\u00e9", "1.2.3." + "x" * 200])
def test_what_is_no_id_names_no_consumer(world: World, text: str) -> None:
    assert consumer_of(text) is None
    assert not world.redriver.redrive(text)
