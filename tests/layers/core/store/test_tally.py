"""Counting without listing: what the bounds hold, within the budget."""

from __future__ import annotations

import pytest

from covey.records.model import Record
from covey.records.ports import RecordStore, Tally
from tests.layers.core.store.samples import accepting, collection, made, query

NOW = 1_800_000_000
BY_AUTHOR = collection("author, -created", "-views")
SHARDED = collection("author, -created", name="sharded", schedule=((0, 3),))


def never(record: Record) -> bool:
    raise AssertionError("a record was read")


@pytest.fixture
def filled(store: RecordStore) -> RecordStore:
    for number in range(12):
        for of in (BY_AUTHOR, SHARDED):
            author = "ann" if number % 3 else "bob"
            made(store, of, author=author, views=number, published=number % 2 == 0)
    return store


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("", 12),
        ('author == "ann"', 8),
        ('author == "nobody"', 0),
        ("views >= 3 && views < 7", 4),
        ("views > 7 && views < 3", 0),
        ('created > timestamp("1970-01-01T00:00:00Z")', 12),
    ],
)
def test_what_an_index_holds_whole_is_counted_by_its_keys(
    filled: RecordStore, where: str, found: int
) -> None:
    tally = filled.tally(BY_AUTHOR, query(BY_AUTHOR, where), never, NOW)
    assert tally == Tally(found, found, complete=True)


@pytest.mark.parametrize(
    ("where", "found"),
    [("published", 6), ('author == "ann" && published', 4), ("views != 3", 11)],
)
def test_the_rest_is_read_and_asked_about(filled: RecordStore, where: str, found: int) -> None:
    asked = query(BY_AUTHOR, where)
    tally = filled.tally(BY_AUTHOR, asked, accepting(BY_AUTHOR, asked), NOW)
    assert (tally.found, tally.complete) == (found, True)


def test_all_shards_count(filled: RecordStore) -> None:
    assert filled.tally(SHARDED, query(SHARDED), never, NOW).found == 12
    assert filled.tally(SHARDED, query(SHARDED, 'author == "bob"'), never, NOW).found == 4


def test_limit_cursor_and_sort_have_no_say(filled: RecordStore) -> None:
    asked = query(BY_AUTHOR, "", "-views", limit=1, cursor="of any kind")
    assert filled.tally(BY_AUTHOR, asked, never, NOW).found == 12


@pytest.mark.parametrize("of", [BY_AUTHOR, SHARDED], ids=["one shard", "three shards"])
@pytest.mark.parametrize(("budget", "complete"), [(12, True), (11, False), (1, False)])
def test_the_budget_ends_the_count(
    filled: RecordStore, of: object, budget: int, complete: bool
) -> None:
    posts = BY_AUTHOR if of is BY_AUTHOR else SHARDED
    for where in ("", "views != 100"):
        asked = query(posts, where, budget=budget)
        tally = filled.tally(posts, asked, accepting(posts, asked), NOW)
        assert tally.complete is complete
        assert tally.found <= 12
        assert tally.found >= budget
        assert not tally.bounded


@pytest.mark.parametrize("slot", [0, 6], ids=["covering", "keys only"])
def test_what_has_expired_does_not_count(store: RecordStore, slot: int) -> None:
    posts = collection("author, -created", slots=(slot,))
    for expires in (NOW - 1, NOW, NOW + 1, None):
        made(store, posts, author="ann", expires=expires)
    for where in ("", 'author == "ann"'):
        asked = query(posts, where)

        def alive(record: Record) -> bool:
            return record.expires is None or record.expires > NOW

        assert store.tally(posts, asked, alive, NOW).found == 2
