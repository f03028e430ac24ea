"""Entries, expiry and claims of records that are there, brought to what their collection says."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection as Names
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from covey.collections.builds import CONVERSION, index_part, unique_part
from covey.collections.model import Collection
from covey.errors import Conflict, Invalid
from covey.fields import expires_at
from covey.records.model import Record
from covey.records.rebuilding import Obstacle, Walk, Walked
from covey.store import codec, keys
from covey.store.codec import Item
from covey.store.faults import ConditionFailed, Reason
from covey.store.layout import CREATION, Claim, Layout, layout_of
from covey.store.outcomes import DomainTransport
from covey.store.references import items_of
from covey.store.transaction import MAX_ITEMS, Part, transact
from covey.store.transport import Transport
from covey.store.writing import NEW, key_item, lost

ATTEMPTS = 24  # of one record's transaction: each may find one more claim taken or stale
KEYED = (*(name for slot in keys.SLOTS for name in keys.slot_attributes(slot)), "x", "xb")

NOTHING: dict[str, Any] = {"Items": []}

Stale = dict[keys.Key, tuple[str, Record | None]]  # whose claim it was, and what they are now


class Taken(Conflict):
    """A claim is another record's."""

    default_code: ClassVar[str] = "unique_violation"

    def __init__(self, claim: Claim, owner: str) -> None:
        super().__init__()
        self.claim = claim
        self.owner = owner


class DynamoRebuilder:
    """`Rebuilder` over one table."""

    def __init__(self, transport: Transport, table: str) -> None:
        self._transport = DomainTransport(transport)
        self._table = table

    def walk(self, collection: Collection, place: str, limit: int) -> Walk:
        """As `Rebuilder.walk`: consistently, or by the creation index for ids of writers."""
        layout, shards = layout_of(collection), len(keys.shards(collection))
        shard, end, after = place_of(place)
        if not end:  # the last one now: were later ones to count, a walk might never catch up
            end = self._last(collection, shard)
        request = self._query(collection, shard, after)
        answer = self._transport.call("Query", {**request, "Limit": limit}) if end else NOTHING
        items = [item for item in answer["Items"] if _position(collection, item) <= end]
        last = _position(collection, items[-1]) if items else end
        more = last if "LastEvaluatedKey" in answer and last < end else None
        found = [walked for item in items if (walked := _walked(layout, item)) is not None]
        return Walk(found, next_place(shard, shards, end, more), shard, shards)

    def mend(
        self,
        collection: Collection,
        record: Record,
        unique: Names[tuple[str, ...]],
        *,
        references: bool = False,
    ) -> Sequence[Obstacle]:
        """As `Rebuilder.mend`: 1 write unit and those of the slots; with claims a transaction."""
        layout = layout_of(collection)
        wanted, obstacles = keyed(layout, record)
        if references:
            self._refer(layout, record)
        update = self._update(layout, record, wanted)
        claims, stale = claims_to_make(layout, record, unique), Stale()
        for _ in range(ATTEMPTS):
            try:
                self._write(layout, update, record, claims, stale)
            except Taken as taken:
                owner = self._record(layout, taken.owner)
                if not holds(layout, owner, taken.claim):
                    stale[taken.claim.key] = taken.owner, owner
                    continue
                claims.remove(taken.claim)
                if taken.claim.fields in unique:
                    obstacles.append(clash(collection, record, taken.claim, taken.owner))
            else:
                return obstacles
        raise Conflict("The record has changed meanwhile.")

    def _refer(self, layout: Layout, record: Record) -> None:
        """Write the references of a record, as long as it is at this version."""
        check = {
            "TableName": self._table,
            "Key": key_item(layout.key(record.id)),
            "ConditionExpression": "v = :v",
            "ExpressionAttributeValues": {":v": codec.encode(record.version)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        puts = [
            Part({"Put": {"TableName": self._table, "Item": item}}, None)
            for item in items_of(layout, record)
        ]
        for start in range(0, len(puts), MAX_ITEMS - 1):
            chunk = puts[start : start + MAX_ITEMS - 1]
            transact(self._transport, [Part({"ConditionCheck": check}, lost), *chunk])

    def _write(
        self,
        layout: Layout,
        update: dict[str, Any],
        record: Record,
        claims: Sequence[Claim],
        stale: Stale,
    ) -> None:
        if not claims:
            try:
                self._transport.call("UpdateItem", update)
            except ConditionFailed as fault:
                raise lost(Reason(fault.code, fault.item)) from fault
            return
        parts = [Part({"Update": update}, lost)]
        owners: dict[str, Part] = {}
        for claim in claims:
            owner, seen = stale.get(claim.key, (record.id, None))
            parts.append(self._claim(claim, record.id, owner))
            if claim.key in stale:
                owners[owner] = self._unchanged(layout, owner, seen)
        transact(self._transport, [*parts, *owners.values()])

    def _claim(self, claim: Claim, record_id: str, owner: str) -> Part:
        item: Item = {**key_item(claim.key), "i": {"S": record_id}}
        if claim.expires is not None:
            item["x"] = codec.encode(claim.expires)
        put = {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": f"{NEW} OR i = :i",
            "ExpressionAttributeValues": {":i": {"S": owner}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return Part({"Put": put}, lambda reason: _taken(claim, reason))

    def _unchanged(self, layout: Layout, owner: str, seen: Record | None) -> Part:
        """That the former owner of a claim has not taken the value again."""
        check = {
            "TableName": self._table,
            "Key": key_item(layout.key(owner)),
            "ConditionExpression": f"{NEW} OR attribute_exists(t)" if seen is None else "v = :v",
        }
        if seen is not None:
            check["ExpressionAttributeValues"] = {":v": codec.encode(seen.version)}
        return Part({"ConditionCheck": check}, lambda reason: _moved())

    def _record(self, layout: Layout, record_id: str) -> Record | None:
        key = key_item(layout.key(record_id))
        request = {"TableName": self._table, "Key": key, "ConsistentRead": True}
        item = self._transport.call("GetItem", request).get("Item")
        return None if item is None else layout.record(item)

    def _update(self, layout: Layout, record: Record, wanted: Item) -> dict[str, Any]:
        fields = layout.conversion(record)[0]
        names = {f"#{field.key}": field.key for field in layout.collection.converting.values()}
        staged = {f"d.#{key} = :d{key}": value for key, value in fields.items()}
        gone = [f"d.{name}" for name, key in names.items() if key not in fields]
        sets = ", ".join([*(f"{name} = :{name}" for name in wanted), *staged])
        removes = ", ".join([*(name for name in KEYED if name not in wanted), *gone])
        clauses = (f"SET {sets}" if sets else "", f"REMOVE {removes}" if removes else "")
        values = {f":{name}": value for name, value in wanted.items()}
        values |= {f":d{key}": value for key, value in fields.items()}
        return {
            **({"ExpressionAttributeNames": names} if names else {}),
            "TableName": self._table,
            "Key": key_item(layout.key(record.id)),
            "UpdateExpression": " ".join(filter(None, clauses)),
            "ConditionExpression": "v = :v",
            "ExpressionAttributeValues": {**values, ":v": codec.encode(record.version)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _last(self, collection: Collection, shard: int) -> str:
        request = self._query(collection, shard, "") | {"ScanIndexForward": False, "Limit": 1}
        items = self._transport.call("Query", request)["Items"]
        return _position(collection, items[0]) if items else ""

    def _query(self, collection: Collection, shard: int, after: str) -> dict[str, Any]:
        request: dict[str, Any] = {"TableName": self._table}
        if collection.ids == "auto":
            request["ConsistentRead"] = True
            hashed, ranged = keys.PK, keys.SK
            values = {":h": {"S": keys.partition(collection, shard)}, ":a": {"S": after}}
        else:
            request["IndexName"] = keys.slot(CREATION.slot)
            hashed, ranged = keys.slot_attributes(CREATION.slot)
            values = {
                ":h": codec.binary(keys.slot_key(collection, CREATION.number, b"", shard)),
                ":a": codec.binary(bytes.fromhex(after)),
            }
        condition = f"{hashed} = :h"
        if after:
            condition += f" AND {ranged} > :a"
        else:
            del values[":a"]
        return {
            **request,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }


def keyed(layout: Layout, record: Record) -> tuple[Item, list[Obstacle]]:
    """What a record's entries and expiry should be, and the indexes that cannot have it."""
    wanted: Item = {}
    obstacles: list[Obstacle] = []
    for index in layout.indexes:
        try:
            slot = layout.slot(index, record)
        except Invalid as error:
            fields = tuple(part.field for part in index.parts)
            message = f"Record {record.id}: {error.detail}"
            obstacles.append(Obstacle(index_part(index), error.code, fields, message))
        else:
            wanted |= {name: codec.binary(value) for name, value in slot.items()}
    for field, fault in layout.conversion(record)[1]:
        message = f"Record {record.id}: {field.name} {fault.message}"
        part = f"{CONVERSION}{field.key}"
        obstacles.append(Obstacle(part, fault.code, (field.name,), message))
    expires = expires_at(layout.collection, record.values)
    if expires is not None:
        wanted["x"] = codec.encode(expires)
        wanted["xb"] = {"S": keys.expiry_bucket(record.id)}
    return wanted, obstacles


def claims_to_make(layout: Layout, record: Record, unique: Names[tuple[str, ...]]) -> list[Claim]:
    """The claims on these tuples; all of them where the record's expiry is another now."""
    expires = expires_at(layout.collection, record.values)
    claims = layout.claims(replace(record, expires=expires))
    return [claim for claim in claims if claim.fields in unique or expires != record.expires]


def holds(layout: Layout, owner: Record | None, claim: Claim) -> bool:
    """Whether a record has the value that is claimed for it."""
    return owner is not None and claim.key in {held.key for held in layout.claims(owner)}


def clash(collection: Collection, record: Record, claim: Claim, other: str) -> Obstacle:
    """The obstacle of two records with one unique value."""
    names = ", ".join(claim.fields)
    message = f"Records {other} and {record.id} have the same {names}."
    part = unique_part(collection, claim.fields)
    return Obstacle(part, "unique_violation", claim.fields, message, other)


def place_of(place: str) -> tuple[int, str, str]:
    """The shard of a place, the last of its keys to walk to, and after which one to go on."""
    shard, end, after = (place or "0::").split(":")
    return int(shard), end, after


def next_place(shard: int, shards: int, end: str, after: str | None) -> str | None:
    """The place after a key of a shard, or where the next shard begins; None after the last."""
    if after is not None:
        return f"{shard}:{end}:{after}"
    return f"{shard + 1}::" if shard + 1 < shards else None


def _position(collection: Collection, item: Item) -> str:
    if collection.ids == "auto":
        return str(item["sk"]["S"])
    return b64decode(item[keys.slot_attributes(CREATION.slot)[1]]["B"]).hex()


def _walked(layout: Layout, item: Item) -> Walked | None:
    """None for what is marked as deleted, and what another collection's digest met."""
    record = layout.record(item)
    if record is None or keys.collection_of(item["pk"]["S"]) != layout.collection.name:
        return None
    wanted, obstacles = keyed(layout, record)
    found = {name: item[name] for name in KEYED if name in item}
    data, fields = item["d"]["M"], layout.conversion(record)[0]
    for field in layout.collection.converting.values():
        if data.get(field.key) != fields.get(field.key):
            return Walked(record, sound=False)
    return Walked(record, sound=not obstacles and found == wanted)


def _taken(claim: Claim, reason: Reason) -> Conflict:
    return _moved() if reason.item is None else Taken(claim, reason.item["i"]["S"])


def _moved() -> Conflict:
    return Conflict("The record has changed meanwhile.")
