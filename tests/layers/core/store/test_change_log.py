"""The log of changes and the cursors into it, as the table and the twins keep them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from covey.collections import load
from covey.collections.model import Collection, Epoch
from covey.config import settings
from covey.insight import meter
from covey.realtime.ports import ChangeLog, Lost, Places
from covey.records.model import Change, ChangeKind, Record
from covey.store.change_log import DynamoChangeLog
from covey.store.cursor import Cursors
from covey.store.places import SealedPlaces
from covey.store.transport import transport
from covey.testing.realtime import MemoryChangeLog, PlainPlaces

POSTS = load({"name": "posts", "fields": {"title": {"type": "text"}}})
NOW = int(time.time() * 1000)


def changed(number: int, **values: Any) -> Change:
    after = Record(f"p{number}", NOW, NOW + number, 2, {"title": "é", **values})
    before = replace(after, version=1, values={"title": "before"})
    return Change("posts", after.id, 2, ChangeKind.UPDATED, before, after, str(number), NOW)


@pytest.fixture(params=["table", "memory"])
def log(request: pytest.FixtureRequest) -> ChangeLog:
    if request.param == "memory":
        return MemoryChangeLog()
    request.getfixturevalue("table")
    return DynamoChangeLog(transport(), settings().table_name)


def test_changes_are_read_as_they_were_from_a_time_on(log: ChangeLog) -> None:
    deep: dict[str, Any] = {"n": [Decimal("1.10"), 10**30, None, True]}
    for _ in range(28):
        deep = {"d": deep}
    deleted = replace(changed(3), kind=ChangeKind.DELETED, after=None)
    log.append(POSTS, NOW, [changed(1, any=deep), changed(2)])
    log.append(POSTS, NOW + 5, [deleted])
    assert list(log.since(POSTS, NOW, 10)) == [changed(1, any=deep), changed(2), deleted]
    assert list(log.since(POSTS, NOW + 1, 10)) == [deleted]
    assert list(log.since(POSTS, NOW + 6, 10)) == []


def test_lanes_are_merged_in_the_order_of_their_times(log: ChangeLog) -> None:
    wide = replace(POSTS, schedule=(Epoch(0, 4),))
    for number in range(20):
        log.append(wide, NOW + number, [changed(number)])
    assert [one.id for one in log.since(wide, NOW, 50)] == [f"p{n}" for n in range(20)]


def test_too_much_and_what_was_another_collection_is_lost(log: ChangeLog) -> None:
    log.append(POSTS, NOW, [changed(number) for number in range(5)])
    assert len(list(log.since(POSTS, NOW, 5))) == 5
    with pytest.raises(Lost):
        next(log.since(POSTS, NOW, 4))
    with pytest.raises(Lost):
        next(log.since(replace(POSTS, version=2), NOW, 10))
    assert list(log.since(replace(POSTS, born=7), NOW, 10)) == []


def test_what_no_item_holds_is_lost_and_stops_nothing(table: str) -> None:
    import random

    noise = random.Random(1).randbytes(400_000).hex()
    log = DynamoChangeLog(transport(), settings().table_name)
    log.append(POSTS, NOW, [changed(1, title=noise), changed(2)])
    with pytest.raises(Lost):
        next(log.since(POSTS, NOW, 10))
    assert [one.id for one in log.since(POSTS, NOW + 1, 10)] == []


def test_twenty_changes_of_a_kilobyte_cost_few_units(table: str) -> None:
    log = DynamoChangeLog(transport(), settings().table_name)
    text = "The quick brown fox jumps over the lazy dog. " * 22
    before = meter.read().wru
    log.append(POSTS, NOW, [changed(number, title=f"{number} {text}") for number in range(20)])
    assert meter.read().wru - before <= 5


PLACES: dict[str, Callable[[], Places]] = {
    "sealed": lambda: SealedPlaces(Cursors(lambda: b"k" * 32)),
    "plain": PlainPlaces,
}


@pytest.fixture(params=PLACES)
def places(request: pytest.FixtureRequest) -> Places:
    return PLACES[request.param]()


def test_a_cursor_is_of_who_asked_for_what(places: Places) -> None:
    cursor = places.seal(POSTS, "user:ann", ("title == 'x'", ""), NOW)
    assert places.open(POSTS, "user:ann", ("title == 'x'", ""), cursor) == NOW
    other: list[tuple[Collection, str, tuple[str, str]]] = [
        (replace(POSTS, name="notes"), "user:ann", ("title == 'x'", "")),
        (POSTS, "user:ben", ("title == 'x'", "")),
        (POSTS, "guest:", ("title == 'x'", "")),
        (POSTS, "user:ann", ("", "")),
        (POSTS, "user:ann", ("title == 'x'", "p1")),
        (POSTS, "user:ann", ("title == '", "x'")),
    ]
    for collection, scope, wanted in other:
        assert places.open(collection, scope, wanted, cursor) is None


@pytest.mark.parametrize("forged", ["", "x", "é", "null", "[]", "A" * 3000, "7", '{"a":1}'])
def test_a_forged_cursor_is_none(places: Places, forged: str) -> None:
    assert places.open(POSTS, "user:ann", ("", ""), forged) is None


def test_a_sealed_cursor_cannot_be_altered_and_runs_out() -> None:
    clock = [float(NOW / 1000)]
    places = SealedPlaces(Cursors(lambda: b"k" * 32, lambda: clock[0]))
    cursor = places.seal(POSTS, "user:ann", ("", ""), NOW)
    assert all(
        places.open(
            POSTS, "user:ann", ("", ""), cursor[:at] + "AB"[cursor[at] == "A"] + cursor[at + 1 :]
        )
        is None
        for at in range(0, len(cursor), 3)
    )
    clock[0] += 90_000
    assert places.open(POSTS, "user:ann", ("", ""), cursor) is None
