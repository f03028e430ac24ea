"""Several writes at once: all or nothing, and what stops them is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from covey.errors import TooLarge
from covey.records.model import Record
from covey.records.ports import RecordStore, Write, WriteRefused
from tests.layers.core.store.samples import changed, collection, made, new

UNIQUE = collection(unique=(("title",),))
POSTS = collection(name="plain")


def test_all_are_written(store: RecordStore) -> None:
    kept, gone = made(store, UNIQUE, title="a"), made(store, POSTS, title="b")
    fresh = new(store, UNIQUE, title="c")
    store.write(
        [
            Write(UNIQUE, kept, changed(kept, views=1)),
            Write(POSTS, gone, None),
            Write(UNIQUE, None, fresh),
        ]
    )
    assert store.get(UNIQUE, kept.id) == changed(kept, views=1)
    assert store.get(POSTS, gone.id) is None
    assert store.get(UNIQUE, fresh.id) == fresh
    assert store.find_unique(UNIQUE, ("title",), ("c",)) == fresh.id


def test_nothing_to_write_is_nothing(store: RecordStore) -> None:
    store.write([])


def gone(record: Record) -> Write:
    return Write(UNIQUE, record, changed(record))


REFUSED: dict[str, tuple[Callable[[RecordStore, Record, Record], Write], str]] = {
    "created again": (lambda store, one, two: Write(UNIQUE, None, one), "exists"),
    "overtaken": (
        lambda store, one, two: Write(UNIQUE, changed(one), changed(changed(one))),
        "conflict",
    ),
    "removed meanwhile": (lambda store, one, two: gone(new(store, UNIQUE)), "not_found"),
    "removal overtaken": (lambda store, one, two: Write(UNIQUE, changed(one), None), "conflict"),
    "a value taken": (
        lambda store, one, two: Write(UNIQUE, None, new(store, UNIQUE, title="two")),
        "unique_violation",
    ),
    "a value taken in the same breath": (
        lambda store, one, two: Write(UNIQUE, None, new(store, UNIQUE, title="first")),
        "unique_violation",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_one_that_cannot_be_stops_all_and_is_named(store: RecordStore, name: str) -> None:
    one, two = made(store, UNIQUE, title="one"), made(store, UNIQUE, title="two")
    first = new(store, UNIQUE, title="first")
    make, code = REFUSED[name]
    with pytest.raises(WriteRefused) as refused:
        store.write(
            [
                Write(UNIQUE, None, first),
                make(store, one, two),
                Write(POSTS, None, new(store, POSTS)),
            ]
        )
    assert (refused.value.position, refused.value.error.code) == (1, code)
    assert store.get(UNIQUE, first.id) is None
    assert store.find_unique(UNIQUE, ("title",), ("first",)) is None
    assert store.get(UNIQUE, one.id) == one


def test_one_that_cannot_be_kept_is_named(store: RecordStore) -> None:
    sorted_by_title = collection("title")
    writes = [
        Write(sorted_by_title, None, new(store, sorted_by_title, title=t))
        for t in ("a", "b" * 2_000)
    ]
    with pytest.raises(WriteRefused) as refused:
        store.write(writes)
    assert (refused.value.position, refused.value.error.code) == (1, "index_value_too_long")
    assert store.get(sorted_by_title, writes[0].id) is None


def test_records_may_exchange_their_unique_values(store: RecordStore) -> None:
    one, two = made(store, UNIQUE, title="one"), made(store, UNIQUE, title="two")
    store.write(
        [
            Write(UNIQUE, one, changed(one, title="two")),
            Write(UNIQUE, two, changed(two, title="one")),
        ]
    )
    assert store.find_unique(UNIQUE, ("title",), ("one",)) == two.id
    assert store.find_unique(UNIQUE, ("title",), ("two",)) == one.id


def test_a_value_passes_from_what_is_removed_to_what_is_new(store: RecordStore) -> None:
    old = made(store, UNIQUE, title="x")
    fresh = new(store, UNIQUE, title="x")
    store.write([Write(UNIQUE, None, fresh), Write(UNIQUE, old, None)])
    assert store.find_unique(UNIQUE, ("title",), ("x",)) == fresh.id
    store.delete(UNIQUE, fresh)
    assert store.find_unique(UNIQUE, ("title",), ("x",)) is None


@pytest.mark.parametrize(("count", "fits"), [(50, True), (51, False)])
def test_unique_values_count_towards_a_hundred(store: RecordStore, count: int, fits: bool) -> None:
    writes = [Write(UNIQUE, None, new(store, UNIQUE, title=f"{n}")) for n in range(count)]
    if fits:
        store.write(writes)
    else:
        with pytest.raises(TooLarge) as refused:
            store.write(writes)
        assert refused.value.code == "batch_too_large"
    assert (store.get(UNIQUE, writes[0].id) is not None) == fits


def test_more_than_four_megabytes_are_refused(store: RecordStore) -> None:
    writes = [Write(POSTS, None, new(store, POSTS, extra="x" * 390_000)) for _ in range(11)]
    with pytest.raises(TooLarge) as refused:
        store.write(writes)
    assert refused.value.code == "batch_too_large"
    assert store.get(POSTS, writes[0].id) is None
