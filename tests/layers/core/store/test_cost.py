"""What each operation costs, from the units that the engine counts. docs/reference/storage.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from covey.collections.model import Collection
from covey.config import settings
from covey.insight import meter
from covey.store.rebuilding import DynamoRebuilder
from covey.store.records import DynamoRecordStore
from covey.store.transport import transport
from tests.layers.core.store.samples import changed, collection, listed, made, query

KILOBYTE = {"title": "t", "author": "ann", "extra": "x" * 850}


@pytest.fixture
def store(table: str) -> DynamoRecordStore:
    return DynamoRecordStore(transport(), table)


def cost(work: Callable[[], Any]) -> tuple[float, float]:
    meter.reset()
    work()
    spent = meter.read()
    return spent.rru, spent.wru


THREE = ("author, -created", "-views", "title")


def test_a_get_costs_half_a_read_unit_and_one_when_consistent(store: DynamoRecordStore) -> None:
    posts = collection(*THREE)
    record = made(store, posts, **KILOBYTE)
    assert cost(lambda: store.get(posts, record.id)) == (0.5, 0)
    assert cost(lambda: store.get(posts, record.id, consistent=True)) == (1, 0)
    assert cost(lambda: store.get_many(posts, [record.id])) == (0.5, 0)
    assert cost(lambda: store.get(posts, "nonsense")) == (0, 0)


@pytest.mark.parametrize("indexes", [THREE[:number] for number in range(4)])
def test_a_create_costs_one_write_unit_and_one_per_index(
    store: DynamoRecordStore, indexes: tuple[str, ...]
) -> None:
    posts = collection(*indexes)
    values = {"title": "t", "author": "ann", "views": 1, "extra": "x" * 750}
    assert cost(lambda: made(store, posts, **values)) == (0, 1 + len(indexes))


@pytest.mark.parametrize(
    ("indexes", "slots", "units"), [((), (), 1), (THREE, (0, 1, 2), 4), (THREE, (6, 7, 0), 2)]
)
def test_an_update_of_a_field_costs_one_and_one_per_covering_slot(
    store: DynamoRecordStore, indexes: tuple[str, ...], slots: tuple[int, ...], units: int
) -> None:
    posts = collection(*indexes, slots=slots)
    record = made(store, posts, title="t", author="ann", views=1)
    after = changed(record, extra="y")
    assert cost(lambda: store.update(posts, record, after)) == (0, units)


def test_an_update_of_an_indexed_field_costs_two_in_its_slot(store: DynamoRecordStore) -> None:
    posts = collection("-views")
    record = made(store, posts, views=1)
    assert cost(lambda: store.update(posts, record, changed(record, views=2))) == (0, 3)


def test_unique_values_cost_a_transaction_only_when_they_change(
    store: DynamoRecordStore,
) -> None:
    posts = collection(unique=(("title",),))
    record = made(store, posts, title="t")
    second = changed(record, views=1)
    assert cost(lambda: store.update(posts, record, second)) == (0, 1)
    assert cost(lambda: store.update(posts, second, changed(second, title="u"))) == (0, 6)
    assert cost(lambda: made(store, posts, title="v")) == (0, 4)
    assert cost(lambda: store.find_unique(posts, ("title",), ("v",))) == (1, 0)


@pytest.mark.parametrize("where", ["", 'author == "ann"'])
def test_a_page_of_thirty_at_one_kilobyte_costs_four_read_units(
    store: DynamoRecordStore, where: str
) -> None:
    posts = collection(THREE[0])
    for _ in range(70):
        made(store, posts, **KILOBYTE)
    asked = query(posts, where, limit=30)
    store.list(posts, asked, lambda record: True)  # the cursor's key is read once
    rru, wru = cost(lambda: store.list(posts, asked, lambda record: True))
    assert 3.5 <= rru <= 4.5
    assert wru == 0


def test_a_page_over_shards_costs_little_more(store: DynamoRecordStore) -> None:
    posts = collection(schedule=((0, 4),))
    for _ in range(80):
        made(store, posts, **KILOBYTE)
    asked = query(posts, limit=30)
    store.list(posts, asked, lambda record: True)
    rru, _ = cost(lambda: store.list(posts, asked, lambda record: True))
    assert rru <= 9


def test_a_page_from_keys_alone_costs_a_half_per_record(store: DynamoRecordStore) -> None:
    posts: Collection = collection("-views", slots=(6,))
    for number in range(40):
        made(store, posts, views=number, extra="x" * 850)
    asked = query(posts, "", "-views", limit=10)
    assert len(listed(store, posts, asked)) == 40
    rru, _ = cost(lambda: store.list(posts, asked, lambda record: True))
    assert rru == 6


def test_single_use_things_cost_one_write_unit_each(store: DynamoRecordStore) -> None:
    assert cost(lambda: store.put_once("k", {"a": 1}, 4_000_000_000)) == (0, 1)
    assert cost(lambda: store.take("k")) == (0, 1)


def test_a_build_costs_what_it_brings(store: DynamoRecordStore) -> None:
    before = collection("author, -created")
    records = [made(store, before, **KILOBYTE) for _ in range(4)]
    rebuilder = DynamoRebuilder(transport(), settings().table_name)
    assert cost(lambda: rebuilder.walk(before, f"0:{records[-1].id}:", 100)) == (1, 0)
    bare = replace(collection("author"), unique=(("title",),))
    assert cost(lambda: rebuilder.mend(collection("title", slots=(1,)), records[0], ())) == (0, 3)
    two = replace(before, indexes=(*before.indexes, *collection("-views", slots=(1,)).indexes))
    assert cost(lambda: rebuilder.mend(two, records[1], ())) == (0, 3)
    assert cost(lambda: rebuilder.mend(two, records[1], ())) == (0, 1)
    light = made(store, collection(), title="u")
    nothing = replace(bare, indexes=())
    assert cost(lambda: rebuilder.mend(nothing, light, nothing.unique)) == (0, 4)
