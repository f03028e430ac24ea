"""What keeping and asking totals costs, from the units that the engine counts."""

from __future__ import annotations

from typing import Any

import pytest

from covey.collections.document import load
from covey.insight import meter
from covey.records.model import Change
from covey.store.totals import DynamoTotals
from covey.store.transport import transport
from tests.layers.core.aggregates.world import Records, keeper

FIELDS = {"shop": {"type": "text"}, "amount": {"type": "number"}, "note": {"type": "text"}}
COUNT = {"group": ["shop"], "count": True, "sum": ["amount"]}
ENDS = {"group": ["shop"], "count": True, "max": ["amount"]}


class Till:
    """Sales whose changes are applied, and what that took."""

    def __init__(self, table: str, **aggregates: Any) -> None:
        document = {"name": "sales", "ids": "custom", "fields": FIELDS, "aggregates": aggregates}
        self.records = Records(load(document))
        self.totals = DynamoTotals(transport(), table)

    def applied(self, changes: list[Change]) -> tuple[float, float]:
        meter.reset()
        keeper(self.totals, self.records).apply(self.records.collection, changes)
        spent = meter.read()
        return spent.rru, spent.wru

    def put(self, name: str, **values: Any) -> tuple[float, float]:
        self.records.put(name, values)
        return self.applied(self.records.changes[-1:])


@pytest.fixture
def till(table: str) -> Till:
    return Till(table, by_shop=COUNT)


def test_a_change_costs_its_mark_and_its_groups_each_twice_as_in_a_transaction(
    till: Till,
) -> None:
    assert till.put("a", shop="north", amount=1) == (1, 4)
    assert till.put("a", shop="north", amount=2) == (1, 4)
    assert till.put("a", shop="south", amount=2) == (1, 6)
    assert till.put("a", shop="south", amount=2, note="n") == (1, 2)
    assert till.applied(till.records.changes) == (1, 0)


def test_a_batch_writes_each_group_once(till: Till) -> None:
    for number in range(90):
        till.records.put(f"r{number}", {"shop": "north", "amount": number})
    reads, writes = till.applied(till.records.changes)
    assert reads <= 90
    lanes = 4  # of ids that are the writers' own
    assert writes == 2 * (90 + lanes)


def test_a_value_in_order_costs_two_when_it_comes_and_two_when_it_goes(table: str) -> None:
    till = Till(table, ends=ENDS)
    assert till.put("a", shop="north", amount=1) == (1, 6)
    assert till.put("a", shop="north", amount=2) == (1, 6)
    assert till.put("a", shop="north", amount=2, note="n") == (1, 2)


def test_asking_costs_half_a_unit_a_lane_and_one_query_an_end(table: str) -> None:
    till = Till(table, ends=ENDS)
    for number in range(20):
        till.put(f"r{number}", shop="north", amount=number)
    collection = till.records.collection
    meter.reset()
    (total,) = till.totals.totals(collection, collection.aggregates["ends"], (), 100)
    assert meter.read().rru == 0.5 * 4
    key = collection.fields["amount"].key
    meter.reset()
    ends = collection.aggregates["ends"]
    assert till.totals.extreme(collection, ends, total.group, key, greatest=True) == 19
    assert meter.read().rru == 0.5
