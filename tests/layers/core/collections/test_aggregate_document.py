"""An aggregate keeps its number for as long as it counts the same."""

from __future__ import annotations

from typing import Any

import pytest

from covey.collections.document import dump, load, restore, state
from covey.collections.model import State
from covey.errors import Invalid

FIELDS: dict[str, Any] = {
    "shop": {"type": "text"},
    "amount": {"type": "number"},
    "items": {"type": "integer"},
    "day": {"type": "date"},
    "tags": {"type": "text", "list": True},
}
SHOP: dict[str, Any] = {"group": ["shop"], "sum": ["amount"], "filter": "amount > 1 && has(shop)"}


def sales(fields: dict[str, Any] | None = None, **aggregates: Any) -> dict[str, Any]:
    return {"name": "sales", "fields": fields or FIELDS, "aggregates": aggregates}


RENAMED = {"store": {"type": "text", "was": "shop"}, **{k: FIELDS[k] for k in ("amount", "items")}}


@pytest.mark.parametrize(
    ("after", "number"),
    [
        (sales(by_shop=SHOP), 0),
        (sales(other_name=SHOP), 0),
        (sales(by_shop={**SHOP, "count": True, "avg": ["amount"]}), 0),
        (sales(by_shop={**SHOP, "filter": "amount > 1 &&   has(shop)"}), 0),
        (
            sales(
                RENAMED,
                by_store={
                    "group": ["store"],
                    "sum": ["amount"],
                    "filter": "amount > 1 && has(store)",
                },
            ),
            0,
        ),
        (sales(by_shop={**SHOP, "sum": ["amount", "items"]}), 1),
        (sales(by_shop={**SHOP, "group": []}), 1),
        (sales(by_shop={**SHOP, "filter": "amount > 2 && has(shop)"}), 1),
        (sales(by_shop={**SHOP, "min": ["day"]}), 1),
    ],
)
def test_what_counts_the_same_keeps_its_number(after: dict[str, Any], number: int) -> None:
    before = load(sales(by_shop=SHOP))
    (aggregate,) = load(after, previous=before).aggregates.values()
    assert aggregate.number == number


def test_numbers_are_never_used_again() -> None:
    first = load(sales(by_shop=SHOP))
    without = load(sales(), previous=first)
    again = load(sales(by_shop=SHOP), previous=without)
    assert [again.aggregates["by_shop"].number, again.next_aggregate] == [1, 2]


def test_two_that_count_the_same_are_two() -> None:
    both = load(sales(a=SHOP, b=SHOP))
    assert {one.number for one in both.aggregates.values()} == {0, 1}


def test_a_collection_with_aggregates_is_written_and_read_back() -> None:
    ends = {"group": ["shop", "day"], "count": True, "min": ["day"], "max": ["items"]}
    collection = load(sales(by_shop=SHOP, ends=ends))
    assert load(dump(collection), previous=collection) == collection
    assert restore(state(collection)) == collection


def test_one_from_before_aggregates_were_counted_is_not_ready() -> None:
    kept = state(load(sales(by_shop=SHOP)))
    kept["aggregates"] = ["by_shop"]
    del kept["next_aggregate"]
    found = restore(kept)
    assert found.builds["aggregate 0"].state is State.FAILED
    assert found.next_aggregate == 1


@pytest.mark.parametrize(
    ("aggregate", "fault"),
    [
        ({"min": ["shop"]}, "aggregates.x.min"),
        ({"max": ["tags"]}, "aggregates.x.max"),
        ({"avg": ["day"]}, "aggregates.x.avg"),
        ({"count": True, "filter": "auth.id == shop"}, "aggregates.x.filter"),
        ({"count": True, "filter": "day < now"}, "aggregates.x.filter"),
        ({"count": True, "filter": "request.ip == shop"}, "aggregates.x.filter"),
        ({"count": True, "filter": "amount"}, "aggregates.x.filter"),
        ({"count": True, "filter": 5}, "aggregates.x.filter"),
        ({"count": True, "group": ["shop", "shop"]}, "aggregates.x.group"),
        ({"count": True, "having": 1}, "aggregates.x.having"),
    ],
)
def test_what_cannot_be_counted_is_refused(aggregate: dict[str, Any], fault: str) -> None:
    with pytest.raises(Invalid) as raised:
        load(sales(x=aggregate))
    assert fault in {error.field for error in raised.value.errors}
