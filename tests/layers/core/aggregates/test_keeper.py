"""Totals equal a recount, however changes are delivered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covey.aggregates.ports import Totals
from covey.store.totals import DynamoTotals
from covey.store.transport import transport
from covey.testing.totals import MemoryTotals
from tests.layers.core.aggregates.world import Records, assert_exact, keeper, sales

NAMES = [f"r{n}" for n in range(6)]
numbers = st.one_of(
    st.none(),
    st.integers(-5, 5),
    st.decimals(-100, 100, places=2),
    st.sampled_from(
        [
            Decimal("9.9999999999999999999999999999999999999E125"),
            Decimal("1E-130"),
            10**37,
            -(10**37),
        ]
    ),
)
values = st.fixed_dictionaries(
    {
        "shop": st.sampled_from([None, "", "north", "söuth", "long " * 40, "long " * 41]),
        "paid": st.sampled_from([None, True, False]),
        "amount": numbers,
        "items": st.none() | st.integers(0, 4),
        "day": st.sampled_from([None, "2026-01-31", "1999-12-31"]),
    }
)
histories = st.lists(st.tuples(st.sampled_from(NAMES), st.none() | values), max_size=20)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[tuple[str, Any]], list[list[int]]]:
    """A history, and its changes in batches: each at least once, in any order, some again."""
    history = draw(histories)
    order = draw(st.permutations(range(len(history))))
    again = draw(st.lists(st.sampled_from(order), max_size=10)) if order else []
    left = [*order, *again]
    batches = []
    while left:
        size = draw(st.integers(1, len(left)))
        batches.append(left[:size])
        left = left[size:]
    return history, batches


def played(history: list[tuple[str, Any]], **changes: Any) -> Records:
    records = Records(sales(**changes))
    for name, put in history:
        if put is None:
            records.delete(name)
        else:
            records.put(name, put)
    return records


def check(
    totals: Totals, given: tuple[list[tuple[str, Any]], list[list[int]]], **more: Any
) -> None:
    history, batches = given
    records = played(history, **more)
    kept = keeper(totals, records)
    for batch in batches:
        due = [records.changes[one] for one in batch if one < len(records.changes)]
        kept.apply(records.collection, due)
    assert_exact(records, totals)


@given(deliveries())
def test_in_memory_any_delivery_comes_to_a_recount(
    given: tuple[list[tuple[str, Any]], list[list[int]]],
) -> None:
    check(MemoryTotals(), given)


counter = iter(range(10**6))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deliveries(), st.sampled_from(["custom", "auto"]))
def test_in_the_table_any_delivery_comes_to_a_recount(
    table: str, given: tuple[list[tuple[str, Any]], list[list[int]]], ids: str
) -> None:
    # Another collection by its name, as all examples share the table.
    totals = DynamoTotals(transport(), table)
    check(totals, given, name=f"sales{next(counter)}", ids=ids)


def test_texts_of_a_group_that_fill_a_record_are_cut_and_counted(table: str) -> None:
    totals = DynamoTotals(transport(), table)
    records = Records(sales())
    for number in range(12):
        records.put(f"r{number}", {"shop": f"{number:04}" * 24_900 * 4, "amount": 1})
    records.put("short", {"shop": "north", "amount": 2})
    keeper(totals, records).apply(records.collection, records.changes)
    by_shop = records.collection.aggregates["by_shop"]
    found = totals.totals(records.collection, by_shop, (), 100)
    assert [(one.count, one.cut) for one in found] == [(1, True)] * 12 + [(1, False)]
    assert {len(str(one.values[0])) for one in found if one.cut} == {1_000}
    keeper(totals, records).apply(records.collection, records.changes[::-1])
    for number in range(12):
        records.delete(f"r{number}")
    keeper(totals, records).apply(records.collection, records.changes)
    assert_exact(records, totals)
