"""Entries and records out of DynamoDB: queries by shard, gets by key, batches."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterator, Sequence
from typing import Any

from covey.collections.model import Collection, Field
from covey.errors import NotFound
from covey.records.model import Record
from covey.records.ports import Tally
from covey.store import codec, keys
from covey.store.codec import Item
from covey.store.faults import Throttled
from covey.store.layout import CREATION, id_bytes, layout_of
from covey.store.plan import Plan
from covey.store.streams import Chunk, Entry
from covey.store.transport import Attempts, Transport

BATCH = 100  # keys of one BatchGetItem


class Reader:
    """The reading half of the record store, and the `Source` of its lists."""

    def __init__(self, transport: Transport, table: str) -> None:
        self._transport = transport
        self._table = table

    def get(
        self, collection: Collection, record_id: str, *, consistent: bool = False
    ) -> Record | None:
        """As `RecordStore.get`."""
        layout = layout_of(collection)
        try:
            pk, sk = layout.key(record_id)
        except NotFound:
            return None
        request: dict[str, Any] = {"TableName": self._table, "Key": _key(pk, sk)}
        if consistent:
            request["ConsistentRead"] = True
        item = self._transport.call("GetItem", request).get("Item")
        return None if item is None else layout.record(item)

    def get_many(
        self, collection: Collection, record_ids: Sequence[str], *, consistent: bool = False
    ) -> dict[str, Record]:
        """As `RecordStore.get_many`."""
        layout = layout_of(collection)
        wanted = [
            keys.record(collection, record_id)
            for record_id in dict.fromkeys(record_ids)
            if keys.holds(collection, record_id)
        ]
        records = (layout.record(item) for item in self._items(wanted, consistent))
        return {record.id: record for record in records if record is not None}

    def find_unique(
        self, collection: Collection, fields: tuple[str, ...], values: tuple[Any, ...]
    ) -> str | None:
        """As `RecordStore.find_unique`."""
        if None in values:
            return None
        pk, sk = layout_of(collection).claim_key(fields, values)
        answer = self._transport.call(
            "GetItem", {"TableName": self._table, "Key": _key(pk, sk), "ConsistentRead": True}
        )
        item = answer.get("Item")
        return None if item is None else item["i"]["S"]

    def passed(self, to: str, record_id: str) -> int:
        """As `RecordStore.passed`."""
        key = _key(*keys.gate(to, record_id))
        request = {"TableName": self._table, "Key": key, "ConsistentRead": True}
        item = self._transport.call("GetItem", request).get("Item")
        return 0 if item is None else int(item["n"]["N"])

    def referrers(
        self, collection: Collection, field: Field, target: str, after: str, limit: int
    ) -> list[str]:
        """As `RecordStore.referrers`."""
        pk, first = keys.reference(
            field.options["to"], target, collection.name, field.key, after and after + "\0"
        )
        _, end = keys.reference(field.options["to"], target, collection.name, field.key, "\x7f")
        request = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :p AND sk BETWEEN :f AND :e",
            "ExpressionAttributeValues": {":p": {"S": pk}, ":f": {"S": first}, ":e": {"S": end}},
            "ConsistentRead": True,
            "Limit": limit,
        }
        start = len(end) - 1
        return [item["sk"]["S"][start:] for item in self._transport.call("Query", request)["Items"]]

    def count(self, collection: Collection) -> int:
        """As `RecordStore.count`."""
        total = 0
        plan = Plan(collection, None if collection.ids == "auto" else CREATION)
        for shard in keys.shards(collection):
            request = self._query(plan, shard)
            start: Item | None = None
            while request is not None:
                more = {"ExclusiveStartKey": start} if start else {}
                answer = self._transport.call("Query", {**request, "Select": "COUNT", **more})
                total += answer["Count"]
                start = answer.get("LastEvaluatedKey")
                if start is None:
                    break
        return total

    def counted(self, plan: Plan, budget: int, now_s: int) -> Tally:
        """As `Source.counted`."""
        found = examined = 0
        for shard in keys.shards(plan.collection):
            request = self._query(plan, shard)
            if request is None:
                continue
            request["Select"] = "COUNT"
            request["FilterExpression"] = "attribute_not_exists(x) OR x > :n"
            request["ExpressionAttributeValues"][":n"] = {"N": str(now_s)}
            while True:
                # One more than may be, to know whether the budget has reached all.
                request["Limit"] = budget - examined + 1
                answer = self._transport.call("Query", request)
                examined += answer["ScannedCount"]
                found += answer["Count"]
                if examined > budget:
                    return Tally(found, examined, complete=False, bounded=plan.bounded)
                if "LastEvaluatedKey" not in answer:
                    break
                request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return Tally(found, examined, complete=True)

    def expired(self, now_s: int, limit: int) -> list[tuple[str, str]]:
        """As `RecordStore.expired`."""
        found: list[tuple[str, str]] = []
        # From another bucket each second: where there is always too much, none is left for last.
        first = now_s % len(keys.EXPIRY_BUCKETS)
        for bucket in (*keys.EXPIRY_BUCKETS[first:], *keys.EXPIRY_BUCKETS[:first]):
            if len(found) >= limit:
                break
            answer = self._transport.call(
                "Query",
                {
                    "TableName": self._table,
                    "IndexName": keys.EXPIRY_INDEX,
                    "KeyConditionExpression": "xb = :b AND x <= :n",
                    "ExpressionAttributeValues": {":b": {"S": bucket}, ":n": {"N": str(now_s)}},
                    "Limit": limit - len(found),
                },
            )
            for item in answer["Items"]:
                collection = keys.collection_of(item["pk"]["S"])
                if collection is not None:
                    found.append((collection, item["sk"]["S"]))
        return found

    def point(self, plan: Plan, values: tuple[object, ...]) -> Record | None:
        """As `Source.point`."""
        record_id = str(values[0])
        if plan.point != ("id",):
            found = self.find_unique(plan.collection, plan.point, values)
            if found is None:
                return None
            record_id = found
        return self.get(plan.collection, record_id)

    def chunk(self, plan: Plan, shard: int, limit: int, start: Item | None) -> Chunk:
        """As `Source.chunk`."""
        request = self._query(plan, shard)
        if request is None:
            return Chunk([])
        request["Limit"] = limit
        if start is not None:
            request["ExclusiveStartKey"] = start
        answer = self._transport.call("Query", request)
        return Chunk(self._entries_of(plan, answer["Items"]), answer.get("LastEvaluatedKey"))

    def _query(self, plan: Plan, shard: int) -> dict[str, Any] | None:
        """The request of one shard; None where its bounds leave nothing."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "ScanIndexForward": not plan.reverse,
        }
        if plan.index is None:
            values = {":h": {"S": keys.partition(plan.collection, shard)}}
            bounds = plan.id_range()
            if bounds is not None:
                if bounds[0] > bounds[1]:
                    return None
                values |= {":l": {"S": bounds[0]}, ":u": {"S": bounds[1]}}
            hashed, ranged = keys.PK, keys.SK
        else:
            request["IndexName"] = keys.slot(plan.index.slot)
            hashed, ranged = keys.slot_attributes(plan.index.slot)
            values = {
                ":h": codec.binary(plan.slot_key(shard)),
                ":l": codec.binary(plan.low),
                ":u": codec.binary(plan.high),
            }
        between = f" AND {ranged} BETWEEN :l AND :u" if ":l" in values else ""
        request["KeyConditionExpression"] = f"{hashed} = :h{between}"
        request["ExpressionAttributeValues"] = values
        return request

    def _entries_of(self, plan: Plan, items: list[Item]) -> list[Entry]:
        collection = plan.collection
        layout = layout_of(collection)
        if plan.index is None:
            return [
                (id_bytes(collection, item["sk"]["S"], False), layout.record(item))
                for item in items
            ]
        _, ranged = keys.slot_attributes(plan.index.slot)
        covering, prefix = plan.covering, keys.prefix(collection)
        full = {} if covering else self._by_key(items)
        found: list[Entry] = []
        for item in items:
            position = a2b_base64(item[ranged]["B"])
            whole = item if covering else full.get(item["sk"]["S"])
            # Slots are shared: should digests ever meet, the partition tells the owner.
            if not item["pk"]["S"].startswith(prefix):
                whole = None
            found.append((position, None if whole is None else layout.record(whole)))
        return found

    def _by_key(self, items: list[Item]) -> dict[str, Item]:
        wanted = [(item["pk"]["S"], item["sk"]["S"]) for item in items]
        return {item["sk"]["S"]: item for item in self._items(wanted)}

    def _items(self, wanted: list[keys.Key], consistent: bool = False) -> Iterator[Item]:
        more = {"ConsistentRead": True} if consistent else {}
        for at in range(0, len(wanted), BATCH):
            pending = [_key(*key) for key in wanted[at : at + BATCH]]
            attempts = Attempts()
            while pending:
                answer = self._transport.call(
                    "BatchGetItem", {"RequestItems": {self._table: {"Keys": pending, **more}}}
                )
                yield from answer["Responses"].get(self._table, [])
                left = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
                if len(left) == len(pending):  # no headway is a throttle
                    attempts.after(Throttled("UnprocessedKeys"))
                pending = left


def _key(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}
