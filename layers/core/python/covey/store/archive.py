"""Past versions and removed records in the table.

``!history.{collection}.{id}`` holds the versions of a record, in the order of creation and
number; ``!buried.{collection}.{n}`` a quarter of a collection's removed records by their ids. An
item has what the record had (``v m c d w``; the time of update is no ``u``, by which the streams'
filter knows records), when it ended (``e``), whether by its removal (``r``), by whom (``b``), and
its own expiry ``x``.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from covey.collections.model import Collection, Keep
from covey.records.archive import Place, Version
from covey.records.model import Record
from covey.store import codec, keys
from covey.store.codec import Item
from covey.store.faults import Throttled
from covey.store.layout import layout_of
from covey.store.outcomes import DomainTransport
from covey.store.transport import Attempts, Transport
from covey.store.writing import key_item

PUTS = 25  # items of one BatchWriteItem


class DynamoArchive:
    """`Archive` over the table."""

    def __init__(
        self, transport: Transport, table: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._transport = DomainTransport(transport)
        self._table = table
        self._clock = clock

    def keep(self, collection: Collection, versions: Sequence[Version]) -> None:
        """As `Archive.keep`; a write unit for each KB of each."""
        items: dict[tuple[str, Place], Item] = {}
        for one in versions:
            place = Place(one.record.created, one.record.version)
            key = keys.past(collection, one.record.id, *place)
            items[one.record.id, place] = _item(collection, key, one, collection.history)
        puts = [{"PutRequest": {"Item": item}} for item in items.values()]
        for at in range(0, len(puts), PUTS):
            left = puts[at : at + PUTS]
            attempts = Attempts()
            while left:
                answer = self._transport.call(
                    "BatchWriteItem", {"RequestItems": {self._table: left}}
                )
                undone = answer.get("UnprocessedItems", {}).get(self._table, [])
                if len(undone) == len(left):  # no headway is a throttle
                    attempts.after(Throttled("UnprocessedItems"))
                left = undone

    def versions(
        self,
        collection: Collection,
        record_id: str,
        *,
        since: int,
        before: Place | None,
        limit: int,
    ) -> Sequence[Version]:
        """As `Archive.versions`; half a read unit for each 4 KB."""
        pk, low = keys.past(collection, record_id, since, 0)
        place = before or Place(keys.LATEST_MS, 0)
        found: list[Version] = []
        while True:
            _, high = keys.past(collection, record_id, *place)
            request = {
                "TableName": self._table,
                "KeyConditionExpression": "pk = :p AND sk BETWEEN :l AND :h",
                "ExpressionAttributeValues": {":p": {"S": pk}, ":l": {"S": low}, ":h": {"S": high}},
                "ScanIndexForward": False,
                # The place itself is in the range, and no part of what comes before it.
                "Limit": limit - len(found) + 1,
            }
            answer = self._transport.call("Query", request)
            for item in answer["Items"]:
                here = keys.place_of(item["sk"]["S"])
                if here != place and len(found) < limit and self._lives(item):
                    found.append(_version(collection, record_id, item))
            if "LastEvaluatedKey" not in answer or len(found) == limit:
                return found
            place = Place(*keys.place_of(answer["LastEvaluatedKey"]["sk"]["S"]))

    def version(self, collection: Collection, record_id: str, place: Place) -> Version | None:
        """As `Archive.version`; half a read unit for each 4 KB."""
        return self._get(collection, record_id, keys.past(collection, record_id, *place))

    def bury(self, collection: Collection, removed: Version) -> list[dict[str, Any]]:
        """As `Archive.bury`."""
        key = keys.buried(collection, removed.record.id)
        item = _item(collection, key, removed, collection.soft_delete)
        return [{"Put": {"TableName": self._table, "Item": item}}]

    def unbury(self, collection: Collection, removed: Version) -> list[dict[str, Any]]:
        """As `Archive.unbury`."""
        (delete,) = self.forget(collection, removed.record.id)
        delete["Delete"] |= {
            "ConditionExpression": "v = :v AND e = :e",
            "ExpressionAttributeValues": {
                ":v": codec.encode(removed.record.version),
                ":e": codec.encode(removed.ended),
            },
        }
        return [delete, *self.reopen(collection, removed.record.id)]

    def forget(self, collection: Collection, record_id: str) -> list[dict[str, Any]]:
        """As `Archive.forget`."""
        key = key_item(keys.buried(collection, record_id))
        return [{"Delete": {"TableName": self._table, "Key": key}}]

    def reopen(self, collection: Collection, record_id: str) -> list[dict[str, Any]]:
        """As `Archive.reopen`: the gate of its references was closed when it was removed."""
        update = {
            "TableName": self._table,
            "Key": key_item(keys.gate(collection.name, record_id)),
            "UpdateExpression": "SET n = if_not_exists(n, :z) REMOVE d, x",
            "ExpressionAttributeValues": {":z": codec.encode(0)},
        }
        return [{"Update": update}]

    def buried(self, collection: Collection, record_id: str) -> Version | None:
        """As `Archive.buried`; a read unit for each 4 KB."""
        key = keys.buried(collection, record_id)
        return self._get(collection, record_id, key, ConsistentRead=True)

    def all_buried(self, collection: Collection, before: str | None, limit: int) -> list[Version]:
        """As `Archive.all_buried`; at least half a read unit for each quarter."""
        quarters = [
            self._quarter(collection, pk, before, limit) for pk in keys.quarters(collection)
        ]
        merged = heapq.merge(*quarters, key=lambda one: one.record.id, reverse=True)
        return list(merged)[:limit]

    def erase(self, collection: Collection, limit: int) -> int:
        """As `Archive.erase`; a write unit for each KB of each."""
        found = self.all_buried(collection, None, limit)
        for one in found:
            key = key_item(keys.buried(collection, one.record.id))
            self._transport.call("DeleteItem", {"TableName": self._table, "Key": key})
        return len(found)

    def _quarter(
        self, collection: Collection, pk: str, before: str | None, limit: int
    ) -> list[Version]:
        found: list[Version] = []
        values = {":p": {"S": pk}, **({":b": {"S": before}} if before else {})}
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :p AND sk < :b" if before else "pk = :p",
            "ExpressionAttributeValues": values,
            "ScanIndexForward": False,
        }
        while True:
            answer = self._transport.call("Query", {**request, "Limit": limit - len(found)})
            found += [
                _version(collection, item["sk"]["S"], item)
                for item in answer["Items"]
                if self._lives(item)
            ]
            if "LastEvaluatedKey" not in answer or len(found) == limit:
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _get(
        self, collection: Collection, record_id: str, key: keys.Key, **more: Any
    ) -> Version | None:
        request = {"TableName": self._table, "Key": key_item(key), **more}
        item = self._transport.call("GetItem", request).get("Item")
        if item is None or not self._lives(item):
            return None
        return _version(collection, record_id, item)

    def _lives(self, item: Item) -> bool:
        return "x" not in item or int(item["x"]["N"]) > self._clock()


def _item(collection: Collection, key: keys.Key, version: Version, keep: Keep | None) -> Item:
    record = version.record
    item: Item = {
        **key_item(key),
        "v": codec.encode(record.version),
        "m": codec.encode(record.updated),
        "c": codec.encode(record.created),
        "d": {"M": dict(layout_of(collection).fields(record))},
        "e": codec.encode(version.ended),
    }
    if version.removed:
        item["r"] = {"BOOL": True}
    texts = {"w": record.by, "b": version.remover}
    item |= {name: {"S": text} for name, text in texts.items() if text is not None}
    if keep is not None and keep.days is not None:
        item["x"] = codec.encode(keep.until(version.ended))
    return item


def _version(collection: Collection, record_id: str, item: Item) -> Version:
    data = item["d"]["M"]
    names: Iterable[tuple[str, str]] = layout_of(collection).names
    record = Record(
        id=record_id,
        created=int(item["c"]["N"]),
        updated=int(item["m"]["N"]),
        version=int(item["v"]["N"]),
        values={name: codec.decode(data[key]) for name, key in names if key in data},
        by=item["w"]["S"] if "w" in item else None,
    )
    remover = item["b"]["S"] if "b" in item else None
    return Version(record, int(item["e"]["N"]), "r" in item, remover)
