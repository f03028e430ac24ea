"""References in a transaction: an item for each, and the gates of those that are referred to.

A gate counts the references that were ever made to a record, and is closed when the record is
removed. Who refers to it anew passes the gate in the same transaction; who removes the record
closes it, on the condition that nobody has passed since the referrers were looked for. So one of
the two comes second and fails, whatever index lags.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from covey.errors import Conflict
from covey.records.model import Record
from covey.records.ports import Guard, Write
from covey.store import codec, keys
from covey.store.codec import Item
from covey.store.faults import Reason
from covey.store.layout import Layout, Reference
from covey.store.transaction import Part

KEPT_S = 3_600  # that a closed gate stays: no write takes as long


@dataclass(slots=True)
class _Gate:
    """What one transaction does to a gate."""

    passing: int = 0
    seen: int | None = None
    closing: Guard | None = None


@dataclass(slots=True)
class References:
    """The references of the writes of one transaction."""

    table: str
    _items: dict[keys.Key, Item | None] = field(default_factory=dict)
    _gates: dict[keys.Key, _Gate] = field(default_factory=dict)

    def add(self, layout: Layout, write: Write) -> None:
        """Take in what a write makes, keeps and ends."""
        name, guard = write.collection.name, write.guard
        held = [] if write.before is None else layout.references(write.before)
        wanted = [] if write.after is None else layout.references(write.after)
        before, after = (
            {keys.reference(r.to, r.target, name, r.field, write.id): r for r in references}
            for references in (held, wanted)
        )
        for key in before.keys() - after.keys():
            self._items[key] = None
        for key, reference in after.items():
            if before.get(key) != reference:
                self._items[key] = item_of(key, reference)
            if key not in before:
                gate = self._gate(reference.to, reference.target)
                gate.passing += 1
                gate.seen = guard.seen.get((reference.to, reference.target), gate.seen)
        if guard.closed is not None:
            self._gate(name, write.id).closing = guard

    def parts(self) -> Iterator[Part]:
        """The items of the transaction."""
        for key, item in sorted(self._items.items()):
            if item is None:
                yield Part({"Delete": {"TableName": self.table, "Key": _key(key)}}, None)
            else:
                yield Part({"Put": {"TableName": self.table, "Item": item}}, None)
        for key, gate in sorted(self._gates.items()):
            update = _closed(gate.closing) if gate.closing else _passed(gate)
            yield Part({"Update": {"TableName": self.table, "Key": _key(key), **update}}, _moved)

    def _gate(self, to: str, target: str) -> _Gate:
        return self._gates.setdefault(keys.gate(to, target), _Gate())


def items_of(layout: Layout, record: Record) -> Iterator[Item]:
    """The items of all references of a record."""
    name = layout.collection.name
    for one in layout.references(record):
        yield item_of(keys.reference(one.to, one.target, name, one.field, record.id), one)


def item_of(key: keys.Key, reference: Reference) -> Item:
    """The item of a reference; it ends with its record."""
    item = _key(key)
    if reference.expires is not None:
        item["x"] = codec.encode(reference.expires)
    return item


def _passed(gate: _Gate) -> dict[str, Any]:
    update: dict[str, Any] = {
        "UpdateExpression": "SET n = if_not_exists(n, :z) + :k",
        "ExpressionAttributeValues": {":z": codec.encode(0), ":k": codec.encode(gate.passing)},
    }
    if gate.seen is not None:
        # One that was made again under its id opens the gate that was closed before.
        update["UpdateExpression"] += " REMOVE d, x"
        update["ConditionExpression"] = "attribute_not_exists(d) OR d <= :c"
        update["ExpressionAttributeValues"][":c"] = codec.encode(gate.seen)
    return update


def _closed(guard: Guard) -> dict[str, Any]:
    assert guard.closed is not None  # noqa: S101 - asked for those only
    update: dict[str, Any] = {
        "UpdateExpression": "SET n = if_not_exists(n, :z), d = :d, x = :x",
        "ExpressionAttributeValues": {
            ":z": codec.encode(0),
            ":d": codec.encode(guard.closed),
            ":x": codec.encode(guard.closed // 1000 + KEPT_S),
        },
    }
    if guard.passed is not None:
        update["ConditionExpression"] = "attribute_not_exists(n) OR n = :n"
        if guard.passed:
            update["ConditionExpression"] = "n = :n"
        update["ExpressionAttributeValues"][":n"] = codec.encode(guard.passed)
    return update


def _key(key: keys.Key) -> Item:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _moved(reason: Reason) -> Conflict:
    return Conflict("What is referred to has changed meanwhile.")
