"""Stored files in the table.

``!file.{id}`` is one; ``!filed.{collection}.{n}`` lists those of a collection by field, and
``!loose.{n}`` when to look whether a file is used. The record that holds a file (``r``), when it
was let go of (``e``) and the revision (``n``) are apart from the rest (``w``), so that a record's
transaction writes them alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from covey.files.model import State, StoredFile
from covey.files.ports import Loose
from covey.store import codec, keys
from covey.store.codec import Item
from covey.store.faults import ConditionFailed
from covey.store.outcomes import DomainTransport
from covey.store.transaction import Part, transact
from covey.store.transport import Transport
from covey.store.writing import NEW, key_item

_APART = frozenset({"record", "released", "revision"})
_KEPT = tuple(one.name for one in fields(StoredFile) if one.name not in _APART)


class DynamoFileStore:
    """`covey.files.ports.FileStore` over one table."""

    def __init__(self, transport: Transport, table: str) -> None:
        self._transport = DomainTransport(transport)
        self._table = table

    def reserve(self, file: StoredFile) -> None:
        """As `FileStore.reserve`."""
        new = self._put(_item(file)) | {"ConditionExpression": NEW}
        entries = [
            self._put(key_item(_listing(file, file.field))),
            self._put(key_item(_loose(file.id, file.due))),
        ]
        transact(self._transport, [Part({"Put": put}, None) for put in (new, *entries)])

    def get(self, file_id: str) -> StoredFile | None:
        """As `FileStore.get`; 1 read unit."""
        request = {
            "TableName": self._table,
            "Key": key_item(keys.file(file_id)),
            "ConsistentRead": True,
        }
        item = self._transport.call("GetItem", request).get("Item")
        return None if item is None else _file(item)

    def save(self, before: StoredFile, after: StoredFile) -> StoredFile | None:
        """As `FileStore.save`; 1 write unit."""
        saved = replace(after, revision=before.revision + 1)
        put = self._put(_item(saved)) | _unmoved(before)
        try:
            self._transport.call("PutItem", put)
        except ConditionFailed:
            # Its own first send may have been the one that moved it.
            return saved if self.get(before.id) == saved else None
        return saved

    def attaching(self, file: StoredFile, record_id: str) -> list[dict[str, Any]]:
        """As `FileStore.attaching`; 2 write units in the transaction."""
        condition = _unmoved(file)
        values = condition["ExpressionAttributeValues"] | {
            ":r": {"S": record_id},
            ":m": codec.encode(file.revision + 1),
        }
        update = {
            "TableName": self._table,
            "Key": key_item(keys.file(file.id)),
            "UpdateExpression": "SET r = :r, n = :m REMOVE e",
            "ConditionExpression": condition["ConditionExpression"],
            "ExpressionAttributeValues": values,
        }
        return [{"Update": update}]

    def looking(self, file_id: str, due: int) -> list[dict[str, Any]]:
        """As `FileStore.looking`; 2 write units in the transaction."""
        return [{"Put": self._put(key_item(_loose(file_id, due)))}]

    def later(self, file_id: str, due: int) -> None:
        """As `FileStore.later`; 1 write unit."""
        self._transport.call("PutItem", self._put(key_item(_loose(file_id, due))))

    def loose(self, until: int, limit: int) -> Sequence[Loose]:
        """As `FileStore.loose`; a read unit for each 4 KB, of each quarter."""
        _, end = _loose("", until + 1)
        found = [self._first(keys.loose(lane), "", end, limit) for lane in keys.FILE_LANES]
        pairs = (key.split(".", 1) for key in heapq.merge(*found))
        return [Loose(int(due), file_id) for due, file_id in pairs][:limit]

    def settle(self, one: Loose) -> None:
        """As `FileStore.settle`; 1 write unit."""
        self._delete(_loose(one.id, one.due))

    def fields(self, life: str) -> frozenset[str]:
        """As `FileStore.fields`; one read unit for each field, of each quarter."""
        return frozenset(
            field for lane in keys.FILE_LANES for field in self._fields(keys.filed(life, lane))
        )

    def of_field(self, life: str, field: str, limit: int) -> Sequence[str]:
        """As `FileStore.of_field`."""
        found: list[str] = []
        for lane in keys.FILE_LANES:
            low, high = f"{field}.", f"{field}/"  # "/" comes next after "."
            found += self._first(keys.filed(life, lane), low, high, limit - len(found))
            if len(found) == limit:
                break
        return [key.partition(".")[2] for key in found]

    def refile(self, file: StoredFile, field: str) -> None:
        """As `FileStore.refile`; 3 write units."""
        self._transport.call("PutItem", self._put(key_item(_listing(file, field))))
        if self.save(file, replace(file, field=field)) is not None:
            self._delete(_listing(file, file.field))

    def remove(self, file: StoredFile) -> None:
        """As `FileStore.remove`; 2 write units, the listing first: the file leads to it."""
        self._delete(_listing(file, file.field))
        self._delete(keys.file(file.id))

    # ---- parts

    def _fields(self, pk: str) -> Iterator[str]:
        low = ""
        while found := self._first(pk, low, "\x7f", 1):
            field = found[0].partition(".")[0]
            yield field
            low = f"{field}/"

    def _first(self, pk: str, low: str, high: str, limit: int) -> list[str]:
        """The first sort keys from `low` on, up to `high`."""
        if limit <= 0:
            return []
        request = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :p AND sk BETWEEN :l AND :h",
            "ExpressionAttributeValues": {
                ":p": {"S": pk},
                ":l": {"S": low or " "},
                ":h": {"S": high},
            },
            "ConsistentRead": True,
            "Limit": limit,
        }
        return [item["sk"]["S"] for item in self._transport.call("Query", request)["Items"]]

    def _put(self, item: Item) -> dict[str, Any]:
        return {"TableName": self._table, "Item": item}

    def _delete(self, key: keys.Key) -> None:
        self._transport.call("DeleteItem", {"TableName": self._table, "Key": key_item(key)})


def _loose(file_id: str, due: int) -> keys.Key:
    return keys.loose(keys.file_lane(file_id)), f"{due:012d}.{file_id}"


def _listing(file: StoredFile, field: str) -> keys.Key:
    return keys.filed(file.life, keys.file_lane(file.id)), f"{field}.{file.id}"


def _unmoved(file: StoredFile) -> dict[str, Any]:
    return {
        "ConditionExpression": "n = :n",
        "ExpressionAttributeValues": {":n": codec.encode(file.revision)},
    }


def _item(file: StoredFile) -> Item:
    kept = {name: getattr(file, name) for name in _KEPT}
    item: Item = {
        **key_item(keys.file(file.id)),
        "n": codec.encode(file.revision),
        "w": codec.encode({**kept, "state": str(file.state)}),
    }
    item |= {"r": {"S": file.record}} if file.record else {}
    return item | ({"e": codec.encode(file.released)} if file.released else {})


def _file(item: Item) -> StoredFile:
    kept = codec.decode(item["w"])
    kept["state"] = State(kept["state"])
    kept["thumbs"] = tuple(kept["thumbs"])
    record = item.get("r", {"S": ""})["S"]
    released = codec.decode(item.get("e", {"N": "0"}))
    return StoredFile(**kept, record=record, released=released, revision=codec.decode(item["n"]))
