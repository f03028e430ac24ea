"""A collection with every sort of aggregate, histories of its records, and their recount."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Context, Decimal
from typing import Any

from covey.aggregates.keeper import Aggregates
from covey.aggregates.ports import Totals
from covey.collections.document import load
from covey.collections.model import Aggregate, Collection
from covey.records import ids
from covey.records.model import Change, ChangeKind, Record

SALES: dict[str, Any] = {
    "name": "sales",
    "ids": "custom",
    "fields": {
        "shop": {"type": "text"},
        "paid": {"type": "bool"},
        "amount": {"type": "number"},
        "items": {"type": "integer"},
        "day": {"type": "date"},
    },
    "aggregates": {
        "all": {"count": True, "sum": ["amount"]},
        "by_shop": {
            "group": ["shop"],
            "count": True,
            "sum": ["amount", "items"],
            "avg": ["items"],
            "min": ["amount", "day"],
            "max": ["amount"],
        },
        "paid": {
            "group": ["shop", "paid"],
            "sum": ["amount"],
            "max": ["items"],
            "filter": "paid && items > 1",
        },
    },
}
EXACT = Context(prec=400)


def sales(**changes: Any) -> Collection:
    return load(SALES | changes)


class Records:
    """Records as the table has them, and the changes that the stream tells of."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.there: dict[str, Record] = {}
        self.changes: list[Change] = []
        self._auto: dict[str, str] = {}

    def put(self, name: str, values: Mapping[str, Any]) -> None:
        record_id = self._id(name)
        before = self.there.get(record_id)
        moment = 1_800_000_000_000 + len(self.changes)
        created = moment if self.collection.ids == "custom" else ids.created_of(record_id)
        kept = {key: value for key, value in values.items() if value is not None}
        after = Record(record_id, created, moment, 1, kept)
        if before is not None:
            after = replace(after, created=before.created, version=before.version + 1)
        self.there[record_id] = after
        self._say(ChangeKind.UPDATED if before else ChangeKind.CREATED, before, after)

    def delete(self, name: str) -> None:
        before = self.there.pop(self._id(name), None)
        if before is not None:
            self._say(ChangeKind.DELETED, before, None)

    def read(self, collection: Collection, record_id: str) -> Record | None:
        return self.there.get(record_id)

    def _id(self, name: str) -> str:
        if self.collection.ids == "custom":
            return name
        return self._auto.setdefault(name, ids.IdMaker().make())

    def _say(self, kind: ChangeKind, before: Record | None, after: Record | None) -> None:
        record = after or before
        assert record is not None
        sequence = str(10**20 + 7 * len(self.changes))
        self.changes.append(
            Change("sales", record.id, record.version, kind, before, after, sequence)
        )


def keeper(totals: Totals, records: Records) -> Aggregates:
    return Aggregates(totals, lambda name: records.collection, records.read)


Counted = dict[tuple[Any, ...], dict[str, Any]]


def recount(collection: Collection, name: str, records: Iterable[Record]) -> Counted:
    """What an aggregate should say, by a loop over the records."""
    aggregate = collection.aggregates[name]
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        if name == "paid" and not (
            record.values.get("paid") is True and (record.values.get("items") or 0) > 1
        ):
            continue
        group = tuple(record.values.get(field) for field in aggregate.group)
        groups.setdefault(group, []).append(record)
    return {group: _summary(aggregate, members) for group, members in groups.items()}


def _summary(aggregate: Aggregate, members: Sequence[Record]) -> dict[str, Any]:
    def values(field: str) -> list[Any]:
        return [one.values[field] for one in members if one.values.get(field) is not None]

    found: dict[str, Any] = {"count": len(members)}
    for field in aggregate.numbers:
        total = Decimal(0)
        for value in values(field):
            total = EXACT.add(total, Decimal(value))
        found[f"sum {field}"] = total
        found[f"present {field}"] = len(values(field))
    for field in aggregate.extremes:
        found[f"min {field}"] = min(values(field), default=None)
        found[f"max {field}"] = max(values(field), default=None)
    return found


def counted(collection: Collection, name: str, totals: Totals) -> Counted:
    """What the store says of an aggregate."""
    aggregate = collection.aggregates[name]
    found: Counted = {}
    for total in totals.totals(collection, aggregate, (), 10_000):
        summary: dict[str, Any] = {"count": total.count}
        for field in aggregate.numbers:
            key = collection.fields[field].key
            summary[f"sum {field}"] = Decimal(total.sums.get(key, 0))
            summary[f"present {field}"] = total.present.get(key, 0)
        for field in aggregate.extremes:
            key = collection.fields[field].key
            for word, greatest in (("min", False), ("max", True)):
                summary[f"{word} {field}"] = totals.extreme(
                    collection, aggregate, total.group, key, greatest=greatest
                )
        found[total.values] = summary
    return found


def assert_exact(records: Records, totals: Totals) -> None:
    for name in records.collection.aggregates:
        found = counted(records.collection, name, totals)
        assert found == recount(records.collection, name, records.there.values()), name
