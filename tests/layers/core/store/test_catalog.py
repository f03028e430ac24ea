from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from covey.collections import document
from covey.collections.catalog import Catalog
from covey.collections.model import Collection
from covey.errors import Conflict
from covey.store.catalog import DynamoCatalogStore
from covey.store.tables import create_table, definition
from covey.store.transport import Transport

TEMPLATE = Path(__file__).parents[4] / "template.yaml"


def loaded(name: str) -> Collection:
    return document.load(
        {
            "name": name,
            "fields": {"title": {"type": "text", "max": 9}, "views": {"type": "integer"}},
            "rules": {"read": "views > 0"},
            "indexes": [["-views"]],
        }
    )


def test_a_fresh_catalog_is_empty_at_version_zero(wire: Transport, table: str) -> None:
    assert DynamoCatalogStore(wire, table).load() == (0, [])


def test_what_is_saved_is_loaded_equal(wire: Transport, table: str) -> None:
    store = DynamoCatalogStore(wire, table)
    store.save(loaded("posts"), 0)
    store.save(loaded("pages"), 1)
    assert store.load() == (2, [loaded("pages"), loaded("posts")])


@pytest.mark.parametrize("expected", [0, 2, 9])
def test_a_save_over_another_version_changes_nothing(
    wire: Transport, table: str, expected: int
) -> None:
    store = DynamoCatalogStore(wire, table)
    store.save(loaded("posts"), 0)
    with pytest.raises(Conflict) as refused:
        store.save(loaded("pages"), expected)
    assert refused.value.code == "catalog_changed"
    assert store.load() == (1, [loaded("posts")])


def test_of_many_saves_of_one_version_one_wins(wire: Transport, table: str) -> None:
    store = DynamoCatalogStore(wire, table)

    def attempt(number: int) -> bool:
        try:
            store.save(loaded(f"c{number}"), 0)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(attempt, range(10))) == 1
    assert len(store.load()[1]) == 1


def test_the_cache_reads_and_writes_through_it(wire: Transport, table: str) -> None:
    catalog = Catalog(DynamoCatalogStore(wire, table))
    catalog.save(loaded("posts"))
    assert Catalog(DynamoCatalogStore(wire, table)).get("posts") == loaded("posts")


def test_the_table_is_the_templates_own(wire: Transport, table: str) -> None:
    create_table(wire, table, TEMPLATE)  # a second time changes nothing
    found = wire.call("DescribeTable", {"TableName": table})["Table"]
    wanted = definition(TEMPLATE)
    assert found["KeySchema"] == wanted["KeySchema"]
    indexes = {index["IndexName"]: index for index in found["GlobalSecondaryIndexes"]}
    for index in wanted["GlobalSecondaryIndexes"]:
        assert indexes[index["IndexName"]]["KeySchema"] == index["KeySchema"]
        projected = indexes[index["IndexName"]]["Projection"]["ProjectionType"]
        assert projected == index["Projection"]["ProjectionType"]
    assert found["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"


def test_the_templates_slots_are_those_of_the_keys() -> None:
    from covey.store import keys

    indexes = {
        index["IndexName"]: index for index in definition(TEMPLATE)["GlobalSecondaryIndexes"]
    }
    assert set(indexes) == {keys.slot(number) for number in keys.SLOTS} | {keys.EXPIRY_INDEX}
    for number in keys.SLOTS:
        index = indexes[keys.slot(number)]
        names = tuple(part["AttributeName"] for part in index["KeySchema"])
        assert names == keys.slot_attributes(number)
        whole = index["Projection"]["ProjectionType"] == "ALL"
        assert whole == (number in keys.COVERING_SLOTS)
