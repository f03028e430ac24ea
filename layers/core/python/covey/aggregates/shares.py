"""What one record adds to each aggregate of its collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from covey.collections.model import Aggregate, Collection
from covey.collections.scope import RecordScope
from covey.records.model import Record

Number = int | Decimal
Scalar = None | bool | int | Decimal | str


@dataclass(frozen=True, slots=True)
class Share:
    """One record in one aggregate.

    `group` are its values of the aggregate's group; `numbers` and `extremes` its other values, by
    the keys of the fields; a field without a value is in neither.
    """

    group: tuple[Scalar, ...] = ()
    numbers: Mapping[str, Number] = field(default_factory=dict)
    extremes: Mapping[str, Scalar] = field(default_factory=dict)


Shares = Mapping[int, Share]  # by the number of the aggregate


def shares_of(collection: Collection, record: Record | None) -> Shares:
    """What a record adds now; nothing when it is None."""
    if record is None:
        return {}
    return {
        aggregate.number: _share(collection, aggregate, record)
        for aggregate in collection.aggregates.values()
        if counts(collection, aggregate, record)
    }


def counts(collection: Collection, aggregate: Aggregate, record: Record) -> bool:
    """Whether the aggregate's filter takes the record."""
    return aggregate.filter is None or aggregate.filter.holds(RecordScope(collection, record))


def _share(collection: Collection, aggregate: Aggregate, record: Record) -> Share:
    return Share(
        tuple(record.values.get(name) for name in aggregate.group),
        _values(collection, aggregate.numbers, record),
        _values(collection, aggregate.extremes, record),
    )


def _values(collection: Collection, names: tuple[str, ...], record: Record) -> dict[str, Any]:
    return {
        collection.fields[name].key: value
        for name in names
        if (value := record.values.get(name)) is not None
    }
