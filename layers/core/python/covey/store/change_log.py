"""The latest changes of collections that somebody listens to: ``!log.{collection}.{lane}``.

What one call appends is one item per 250 KB or so: the changes as JSON, compressed, as the images
of a record before and after are much the same. They are read by their time of writing, which is
not that of the change: what is told late is found late.
"""

from __future__ import annotations

import random
import secrets
import zlib
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from covey import json
from covey.collections.model import Collection
from covey.realtime.model import KEPT_SECONDS
from covey.realtime.ports import Lost
from covey.records.model import Change, ChangeKind, Record
from covey.store import codec, keys
from covey.store.transport import Transport
from covey.store.writing import key_item

_BLOCK = 250_000  # characters of JSON that are written as one item
_LARGEST = 380_000  # bytes of an item's changes: DynamoDB's limit is 400 KB
_MOST_BYTES = 40_000_000  # what a block may come to: two images of 400 KB each, and room


class DynamoChangeLog:
    """The port `ChangeLog`."""

    def __init__(self, transport: Transport, table: str) -> None:
        self._transport = transport
        self._table = table

    def append(self, collection: Collection, at: int, changes: Sequence[Change]) -> None:
        """1 write unit per KB, compressed: 20 changes of records of 1 KB are some 5."""
        lane = random.choice(keys.log_lanes(collection))  # noqa: S311 - which is all the same
        for number, texts in enumerate(_blocks(changes)):
            packed = zlib.compress(f"[{','.join(texts)}]".encode(), 6)
            place = keys.log_place(at, f"{number:03d}{secrets.token_hex(4)}")
            item = {
                **key_item((lane, place)),
                "n": codec.encode(len(texts)),
                "v": codec.encode(collection.version),
                "x": codec.encode(at // 1000 + KEPT_SECONDS),
            }
            if len(packed) <= _LARGEST:  # else whoever missed it reads the list again
                item["z"] = codec.binary(packed)
            self._transport.call("PutItem", {"TableName": self._table, "Item": item})

    def since(self, collection: Collection, at: int, most: int) -> Iterator[Change]:
        """1 read unit per lane, and 1 per 4 KB; as `ChangeLog.since`."""
        items: list[Mapping[str, Any]] = []
        for lane in keys.log_lanes(collection):
            for item in self._query(lane, keys.log_place(at)):
                items.append(item)
                most -= int(item["n"]["N"])
                if most < 0 or "z" not in item or int(item["v"]["N"]) != collection.version:
                    raise Lost
        for item in sorted(items, key=lambda item: str(item["sk"]["S"])):
            text = zlib.decompress(b64decode(item["z"]["B"]))
            for told in json.decode(text, _MOST_BYTES):
                yield _change(collection.name, told)

    def _query(self, pk: str, start: str) -> Iterator[Mapping[str, Any]]:
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :p AND sk >= :s",
            "ExpressionAttributeValues": {":p": {"S": pk}, ":s": {"S": start}},
            "ConsistentRead": True,
        }
        while True:
            answer = self._transport.call("Query", request)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _blocks(changes: Sequence[Change]) -> Iterator[list[str]]:
    block: list[str] = []
    size = 0
    for change in changes:
        text = _text(change)
        if block and size + len(text) > _BLOCK:
            yield block
            block, size = [], 0
        block.append(text)
        size += len(text)
    if block:
        yield block


def _text(change: Change) -> str:
    told = [change.id, change.version, str(change.kind), change.sequence, change.at]
    return json.encode([*told, _image(change.before), _image(change.after)])


def _image(record: Record | None) -> list[Any] | None:
    """An image; its values as text of their own, which may be as deep as any."""
    if record is None:
        return None
    values = json.encode(dict(record.values))
    return [record.created, record.updated, record.version, values, record.expires]


def _change(name: str, told: Sequence[Any]) -> Change:
    id, version, kind, sequence, at, before, after = told
    there = _record(id, before), _record(id, after)
    return Change(name, id, version, ChangeKind(kind), *there, sequence, at)


def _record(id: str, image: Sequence[Any] | None) -> Record | None:
    if image is None:
        return None
    created, updated, version, values, expires = image
    return Record(id, created, updated, version, json.decode(values.encode()), expires)
