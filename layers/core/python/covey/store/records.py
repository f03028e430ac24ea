"""Records in DynamoDB: the record store of the domain's port."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex
from typing import Any

from covey.collections.model import Collection
from covey.errors import Conflict, FieldError, NotFound
from covey.records import ids
from covey.records.model import Record
from covey.records.ports import Page, Query
from covey.store import codec, keys
from covey.store.codec import Item
from covey.store.cursor import Cursors
from covey.store.faults import ConditionFailed, Reason
from covey.store.layout import Claim, Layout, layout_of
from covey.store.listing import Lister
from covey.store.outcomes import DomainTransport
from covey.store.planner import explained
from covey.store.reader import Reader
from covey.store.secret import secret
from covey.store.transaction import Part, transact
from covey.store.transport import Transport

_NEW = "attribute_not_exists(pk)"
_OURS = "attribute_not_exists(pk) OR i = :i"


class DynamoRecordStore(Reader):
    """`RecordStore` over one table."""

    def __init__(
        self,
        transport: Transport,
        table: str,
        *,
        clock: Callable[[], float] = time.time,
        make_id: Callable[[], str] | None = None,
    ) -> None:
        transport = DomainTransport(transport)
        super().__init__(transport, table)
        self._clock = clock
        self._make_id = make_id or ids.IdMaker().make
        self._lister = Lister(self, Cursors(secret(transport, table, "cursor"), clock))

    def new_id(self, collection: Collection) -> str:
        """As `RecordStore.new_id`."""
        return self._make_id()

    def list(self, collection: Collection, query: Query, accept: Callable[[Record], bool]) -> Page:
        """As `RecordStore.list`."""
        return self._lister.page(collection, query, accept)

    def explain(self, collection: Collection, query: Query) -> dict[str, Any]:
        """As `RecordStore.explain`."""
        return explained(collection, query)

    def create(
        self, collection: Collection, record: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        """As `RecordStore.create`."""
        layout = layout_of(collection)
        check_created(collection, record)
        item = layout.item(record)
        put = self._put(item, _NEW)
        claims = layout.claims(record)
        if claims or also:
            parts = [Part({"Put": put}, lambda reason: _exists())]
            parts += [self._claimed(claim, record.id) for claim in claims]
            transact(self._transport, parts, also)
            return
        try:
            self._transport.call("PutItem", put)
        except ConditionFailed as fault:
            if not (fault.uncertain and _is(layout, fault.item, record)):
                raise _exists() from fault

    def update(
        self,
        collection: Collection,
        before: Record,
        after: Record,
        *,
        also: Sequence[dict[str, Any]] = (),
    ) -> None:
        """As `RecordStore.update`."""
        layout = layout_of(collection)
        request = self._update(layout, before, after)
        held, wanted = layout.claims(before), layout.claims(after)
        if set(held) != set(wanted) or also:
            parts = [Part({"Update": request}, _lost)]
            parts += [self._claimed(claim, after.id) for claim in wanted if claim not in held]
            staying = {claim.key for claim in wanted}
            parts += [self._released(c, before.id) for c in held if c.key not in staying]
            transact(self._transport, parts, also)
            return
        try:
            self._transport.call("UpdateItem", request)
        except ConditionFailed as fault:
            if not (fault.uncertain and _is(layout, fault.item, after)):
                raise _lost(Reason(fault.code, fault.item)) from fault

    def delete(
        self, collection: Collection, before: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        """As `RecordStore.delete`."""
        layout = layout_of(collection)
        request = {
            "TableName": self._table,
            "Key": _key(layout.key(before.id)),
            "ConditionExpression": "v = :b",
            "ExpressionAttributeValues": {":b": codec.encode(before.version)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        claims = layout.claims(before)
        if claims or also:
            parts = [Part({"Delete": request}, _lost)]
            parts += [self._released(claim, before.id) for claim in claims]
            transact(self._transport, parts, also)
            return
        try:
            self._transport.call("DeleteItem", request)
        except ConditionFailed as fault:
            if not (fault.uncertain and fault.item is None):
                raise _lost(Reason(fault.code, fault.item)) from fault

    def put_once(self, key: str, value: Mapping[str, Any], expires: int) -> bool:
        """As `RecordStore.put_once`."""
        # The random part tells our own item from another's when a send had to be repeated.
        mark = {"S": token_hex(8)}
        item = {
            **_key(keys.once(key)),
            "w": codec.encode(value),
            "x": codec.encode(expires),
            "n": mark,
        }
        put = self._put(item, f"{_NEW} OR x <= :n")
        put["ExpressionAttributeValues"] = {":n": codec.encode(int(self._clock()))}
        try:
            self._transport.call("PutItem", put)
        except ConditionFailed as fault:
            return fault.uncertain and fault.item is not None and fault.item.get("n") == mark
        return True

    def take(self, key: str) -> dict[str, Any] | None:
        """As `RecordStore.take`."""
        request = {
            "TableName": self._table,
            "Key": _key(keys.once(key)),
            "ConditionExpression": "x > :n",
            "ExpressionAttributeValues": {":n": codec.encode(int(self._clock()))},
            "ReturnValues": "ALL_OLD",
        }
        try:
            answer = self._transport.call("DeleteItem", request)
        except ConditionFailed:
            return None
        value: dict[str, Any] = codec.decode(answer["Attributes"]["w"])
        return value

    def _put(self, item: Item, condition: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _update(self, layout: Layout, before: Record, after: Record) -> dict[str, Any]:
        """Only what changed of the fields, so that a field of a newer catalog is not lost.

        Slots are all written: what stands there already costs nothing, and a record from
        before an index was declared joins it.
        """
        names: dict[str, str] = {}
        values: Item = {
            ":b": codec.encode(before.version),
            ":v": codec.encode(after.version),
            ":u": codec.encode(after.updated),
        }
        sets, removes = ["v = :v", "u = :u"], []
        old, new = dict(layout.fields(before)), dict(layout.fields(after))
        for number, key in enumerate(sorted(old.keys() | new.keys())):
            if old.get(key) == new.get(key):
                continue
            names[f"#f{number}"] = key
            if key in new:
                sets.append(f"d.#f{number} = :f{number}")
                values[f":f{number}"] = new[key]
            else:
                removes.append(f"d.#f{number}")
        for name, slot in layout.slots(after).items():
            sets.append(f"{name} = :{name}")
            values[f":{name}"] = codec.binary(slot)
        if after.expires is not None:
            sets += ["x = :x", "xb = :xb"]
            values[":x"] = codec.encode(after.expires)
            values[":xb"] = {"S": keys.expiry_bucket(after.id)}
        elif before.expires is not None:
            removes += ["x", "xb"]
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": _key(layout.key(after.id)),
            "UpdateExpression": f"SET {', '.join(sets)}"
            + (f" REMOVE {', '.join(removes)}" if removes else ""),
            "ConditionExpression": "v = :b",
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if names:
            request["ExpressionAttributeNames"] = names
        return request

    def _claimed(self, claim: Claim, record_id: str) -> Part:
        item: Item = {**_key(claim.key), "i": {"S": record_id}}
        if claim.expires is not None:  # so that DynamoDB's own expiry frees the value as well
            item["x"] = codec.encode(claim.expires)
        put = self._put(item, _OURS)
        put["ExpressionAttributeValues"] = {":i": {"S": record_id}}
        return Part({"Put": put}, lambda reason: _taken(claim))

    def _released(self, claim: Claim, record_id: str) -> Part:
        delete = {
            "TableName": self._table,
            "Key": _key(claim.key),
            "ConditionExpression": _OURS,
            "ExpressionAttributeValues": {":i": {"S": record_id}},
        }
        # A claim that expired before its record may be another's by now: leave it.
        return Part({"Delete": delete}, None)


def check_created(collection: Collection, record: Record) -> None:
    """Hold a writer to the time inside an auto id: reads take it from there."""
    if not keys.holds(collection, record.id):
        raise NotFound("record")
    if collection.ids == "auto" and ids.created_of(record.id) != record.created:
        raise ValueError("created must be the millisecond of the id: covey.records.ids.created_of")


def _key(key: keys.Key) -> Item:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _is(layout: Layout, item: Item | None, record: Record) -> bool:
    return item is not None and layout.record(item) == record


def _exists() -> Conflict:
    return Conflict("A record with this id exists.", code="exists")


def _taken(claim: Claim) -> Conflict:
    message = "This value is taken."
    return Conflict(
        message,
        code="unique_violation",
        errors=[FieldError(name, "unique_violation", message) for name in claim.fields],
    )


def _lost(reason: Reason) -> Conflict | NotFound:
    if reason.item is None:
        return NotFound("record")
    return Conflict("The record has changed meanwhile.")
