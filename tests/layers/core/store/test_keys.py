from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.errors import NotFound
from covey.records import ids
from covey.records.ids import IdMaker
from covey.records.model import Record
from covey.store import keys
from covey.store.layout import layout_of
from tests.layers.core.store.samples import collection


def test_every_fixed_item_stands_apart_from_records() -> None:
    fixed = [
        keys.catalog("posts"),
        keys.claim(collection(), ("k0",), b"x"),
        keys.once("k"),
        keys.secret("cursor"),
        keys.account("u"),
        keys.session("u", "s"),
        keys.api_key("u", "k"),
        keys.api_key("", "k"),
        keys.job("j"),
        keys.connection("c"),
        keys.subscription("posts", "a=1", "c1", "1"),
    ]
    assert all(pk.startswith("!") and keys.collection_of(pk) is None for pk, _ in fixed)
    assert len(set(fixed)) == len(fixed)


@pytest.mark.parametrize(
    ("of", "record_id", "key"),
    [
        (collection(), "00000000000000000001", ("posts.0", "00000000000000000001")),
        (collection(ids="custom"), "JFK", ("posts.=JFK", "JFK")),
        (collection(ids="custom"), "a.b=c", ("posts.=a.b=c", "a.b=c")),
    ],
)
def test_keys_of_records(of: object, record_id: str, key: tuple[str, str]) -> None:
    found = keys.record(of, record_id)  # type: ignore[arg-type]
    assert found == key
    assert keys.collection_of(found[0]) == "posts"


def test_a_raised_shard_count_moves_no_record() -> None:
    maker = IdMaker()
    before = collection(schedule=((0, 1), (1_000, 3)))
    after = collection(schedule=((0, 1), (1_000, 3), (5_000, 8)))
    for ms in range(0, 5_000, 50):
        record_id = maker.make(ms)
        assert keys.record(before, record_id) == keys.record(after, record_id)
    assert list(keys.shards(after)) == list(range(8))


def test_shards_fill_evenly() -> None:
    of, maker = collection(schedule=((0, 4),)), IdMaker()
    counts = [0] * 4
    for _ in range(4_000):
        counts[keys.shard_of(of, maker.make())] += 1
    assert min(counts) > 800


def test_slot_keys_tell_apart_all_that_they_are_made_of() -> None:
    posts, pages = collection(), collection(name="pages")
    made = [
        keys.slot_key(posts, 1, b"a", 0),
        keys.slot_key(pages, 1, b"a", 0),
        keys.slot_key(posts, 2, b"a", 0),
        keys.slot_key(posts, 11, b"a", 0),
        keys.slot_key(posts, 1, b"b", 0),
        keys.slot_key(posts, 1, b"a", 1),
        keys.slot_key(posts, 1, b"", 0),
    ]
    assert len(set(made)) == len(made)
    assert {len(key) for key in made} == {keys.SLOT_KEY_BYTES}


def test_index_keys_are_compact() -> None:
    posts = collection("author, -created")
    record_id = ids.IdMaker().make(1_800_000_000_123)
    created = ids.created_of(record_id)
    slots = layout_of(posts).slots(Record(record_id, created, created, 1, {"author": "x" * 900}))
    assert {name: len(value) for name, value in slots.items()} == {"a0": 12, "b0": 22}


def test_a_custom_id_is_in_creation_order_in_the_reserved_slot() -> None:
    layout = layout_of(collection(ids="custom"))
    places = [layout.slots(Record(i, ms, ms, 1)) for i, ms in (("b", 5), ("a", 6), ("c", 6))]
    assert all(place.keys() == {"a5", "b5"} for place in places)
    assert len({place["a5"] for place in places}) == 1
    assert [place["b5"] for place in places] == sorted(place["b5"] for place in places)


def test_a_record_without_values_is_indexed_first() -> None:
    layout = layout_of(collection("title"))
    maker = IdMaker()
    empty, full = (
        layout.slots(Record(i, ids.created_of(i), 0, 1, values))["b0"]
        for i, values in ((maker.make(), {}), (maker.make(), {"title": ""}))
    )
    assert empty < full


def test_the_layout_of_a_changed_collection_is_its_own() -> None:
    before, after = collection("title"), collection("title", "-views")
    assert layout_of(before) is layout_of(before)
    assert len(layout_of(after).indexes) == 2
    with pytest.raises(NotFound):
        layout_of(before).key("nonsense")


@given(st.integers(0, (1 << 100) - 1))
def test_ids_and_numbers_are_each_others(number: int) -> None:
    assert ids.number_of(ids.text_of(number)) == number
    assert ids.is_auto(ids.text_of(number))


@given(st.integers(0, (1 << 100) - 1), st.integers(0, (1 << 100) - 1))
def test_order_of_ids_is_the_order_of_numbers(one: int, other: int) -> None:
    assert (ids.text_of(one) < ids.text_of(other)) == (one < other)


def test_ids_rise_while_the_clock_stands_and_falls_back() -> None:
    maker = IdMaker()
    made = [maker.make(ms) for ms in [5_000] * 500 + [4_000] * 500]
    assert made == sorted(set(made))
    # Steps are at random, and may lead over the end of the millisecond.
    assert {ids.created_of(record_id) for record_id in made} <= {5_000, 5_001}
    assert abs(ids.created_of(IdMaker().make()) - time.time() * 1000) < 1_000


@pytest.mark.parametrize("text", ["", "0" * 21, "+" + "0" * 19, "0_0" + "0" * 17, " " * 20])
def test_what_int_would_take_is_still_no_id(text: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        ids.number_of(text)
