"""Dead letters and gauges, over the table and in memory: one contract."""

from __future__ import annotations

import random
from typing import Any

import pytest

from covey.pipeline.gauges import Gauge, GaugeStore
from covey.pipeline.letters import DeadLetters, Letter, letter_of
from covey.pipeline.told import Told
from covey.store.models.dead_letter import DynamoDeadLetters
from covey.store.models.gauge import DynamoGauges
from covey.testing.pipeline import MemoryDeadLetters, MemoryGauges

IMAGE = {"dynamodb": {"Keys": {"pk": {"S": "posts.0"}}, "ApproximateCreationDateTime": 1.5e9}}


@pytest.fixture(params=["memory", "table"])
def letters(request: pytest.FixtureRequest) -> DeadLetters:
    if request.param == "memory":
        return MemoryDeadLetters()
    request.getfixturevalue("table")
    return DynamoDeadLetters()


@pytest.fixture(params=["memory", "table"])
def gauges(request: pytest.FixtureRequest) -> GaugeStore:
    if request.param == "memory":
        return MemoryGauges()
    request.getfixturevalue("table")
    return DynamoGauges()


def letter(sequence: int, consumer: str = "search", at: int = 5) -> Letter:
    told = Told(str(sequence), IMAGE, collection="posts", record="a", at=at)
    return letter_of(told, consumer, ValueError("no"), 7)


def test_a_letter_is_kept_with_its_image(letters: DeadLetters) -> None:
    one = letter(1)
    letters.bury(one, IMAGE)
    assert letters.get(one.id) == one
    assert letters.image(one) == IMAGE
    assert letters.count("search", 10) == 1


def test_an_image_of_two_records_of_400_kb_has_room(letters: DeadLetters) -> None:
    dice = random.Random(1)
    one = letter(1)
    image: dict[str, Any] = {
        name: {"d": {"S": dice.randbytes(390_000).hex()[:395_000]}} for name in ("Old", "New")
    }
    letters.bury(one, image)
    assert letters.image(one) == image
    assert letters.remove(one)
    assert letters.image(one) is None


def test_letters_are_listed_by_their_changes_both_ways(letters: DeadLetters) -> None:
    made = [letter(9, at=1), letter(2), letter(10), letter(1, at=9)]
    for one in [*reversed(made), letter(3, consumer="history")]:
        letters.bury(one, IMAGE)
    assert letters.oldest("search", "", 9) == made
    assert letters.newest("search", "", 2) == made[:1:-1]
    assert letters.newest("search", made[2].id, 9) == made[1::-1]
    assert letters.oldest("search", made[2].id, 9) == made[3:]
    assert letters.count("search", 3) == 3


def test_a_letter_that_is_gone_is_not_saved_again(letters: DeadLetters) -> None:
    one = letter(1)
    letters.bury(one, IMAGE)
    again = one.failed_again(OSError("still"), 99)
    assert letters.save(again)
    assert letters.get(one.id) == again
    assert letters.remove(again)
    assert not letters.remove(again)
    assert not letters.save(again)
    assert letters.get(one.id) is None


def test_gauges_of_an_hour_are_those_of_its_processes(gauges: GaugeStore) -> None:
    first, second = Gauge(1, 2, 3, 4, 5, 6, 7, 8), Gauge(changes=3)
    gauges.put(10, "a", {"search": second})
    gauges.put(10, "a", {"search": first})
    gauges.put(10, "b", {"search": second, "history": first})
    gauges.put(11, "a", {})
    found = gauges.read([9, 10])
    assert sorted(map(repr, found)) == sorted(
        map(repr, [{"search": first}, {"search": second, "history": first}])
    )
