"""Deliveries of webhooks: ``!delivery.{webhook}`` by id, ``!queued.{webhook}`` as they are sent.

A delivery has its state ``s``, when it is due ``n``, what is known of it ``d`` (JSON), what is sent
``p`` (compressed where that is shorter) and its expiry ``x``. A place in the queue has until when
somebody is at it, ``c``. Neither has a time of update ``u``, by which a stream knows records.
"""

from __future__ import annotations

import zlib
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from covey import json
from covey.store import codec, keys
from covey.store.callers import items_of
from covey.store.codec import Item
from covey.store.faults import ConditionFailed
from covey.store.outcomes import DomainTransport
from covey.store.parallel import together
from covey.store.transport import Transport
from covey.store.writing import NEW, key_item
from covey.webhooks.model import Attempt, Delivery, Due, Status, due_of

TOGETHER = 100  # keys of one BatchGetItem
_APART = frozenset(("endpoint", "id", "payload", "status", "due"))
_FREE = "attribute_exists(pk) AND (attribute_not_exists(c) OR c <= :now)"


class DynamoDeliveryStore:
    """The port `DeliveryStore` over the table."""

    def __init__(self, transport: Transport, table: str) -> None:
        self._transport = DomainTransport(transport)
        self._table = table

    def add(self, deliveries: Iterable[Delivery]) -> int:
        """For each 1 write unit per KB, and 1 for its place."""
        return sum(together([partial(self._add, one) for one in deliveries]))

    def _add(self, delivery: Delivery) -> bool:
        try:
            self._put(_item(delivery), NEW)
        except ConditionFailed:
            known = self.get(delivery.endpoint, delivery.id)
            if known is not None and known.status is Status.PENDING:
                self.requeue(known)
            return False
        self._put(_place(delivery))
        return True

    def keep(self, delivery: Delivery) -> None:
        """1 write unit per KB."""
        self._put(_item(delivery), NEW)

    def get(self, endpoint: str, delivery: str) -> Delivery | None:
        """1 read unit per 4 KB."""
        return self.load(endpoint, [delivery]).get(delivery)

    def load(self, endpoint: str, deliveries: Sequence[str]) -> dict[str, Delivery]:
        """1 read unit per 4 KB of each."""
        wanted = [keys.delivery(endpoint, one) for one in deliveries]
        found: dict[str, Delivery] = {}
        for at in range(0, len(wanted), TOGETHER):
            items = items_of(self._transport, self._table, wanted[at : at + TOGETHER])
            found |= {key[1]: _delivery(endpoint, item) for key, item in items.items()}
        return found

    def newest(self, endpoint: str, first: str, before: str, limit: int) -> Sequence[Delivery]:
        """0.5 read units per 4 KB."""
        return self._between(endpoint, first, before, limit, forward=False, but=before)

    def oldest(self, endpoint: str, after: str, before: str, limit: int) -> Sequence[Delivery]:
        """0.5 read units per 4 KB."""
        found = self._between(endpoint, after, before, limit, forward=True, but=after)
        return [one for one in found if one.id < before]

    def _between(
        self, endpoint: str, low: str, high: str, limit: int, *, forward: bool, but: str
    ) -> list[Delivery]:
        """At most `limit` with ids from `low` to `high`, without `but` itself."""
        found: list[Delivery] = []
        start: Mapping[str, Any] | None = None
        while len(found) < limit and low < high:
            request: dict[str, Any] = {
                "TableName": self._table,
                "KeyConditionExpression": "pk = :p AND sk BETWEEN :l AND :h",
                "ExpressionAttributeValues": {
                    ":p": {"S": keys.delivery(endpoint, "")[0]},
                    ":l": {"S": low},
                    ":h": {"S": high},
                },
                "ScanIndexForward": forward,
                "Limit": limit + 1 - len(found),
            }
            if start:
                request["ExclusiveStartKey"] = start
            answer = self._transport.call("Query", request)
            found += [_delivery(endpoint, i) for i in answer["Items"] if i["sk"]["S"] != but]
            start = answer.get("LastEvaluatedKey")
            if not start:
                break
        return found[:limit]

    def due(self, endpoint: str, limit: int) -> Sequence[Due]:
        """1 read unit per 4 KB, some 40 places."""
        answer = self._transport.call(
            "Query",
            {
                "TableName": self._table,
                "KeyConditionExpression": "pk = :p",
                "ExpressionAttributeValues": {":p": {"S": keys.queued(endpoint)[0]}},
                "Limit": limit,
                "ConsistentRead": True,
            },
        )
        return [_due(endpoint, item) for item in answer["Items"]]

    def claim(self, due: Due, now: int, until: int) -> bool:
        """1 write unit."""
        request = {
            "TableName": self._table,
            "Key": _place_key(due),
            "UpdateExpression": "SET c = :until",
            "ConditionExpression": _FREE,
            "ExpressionAttributeValues": {":until": {"N": str(until)}, ":now": {"N": str(now)}},
        }
        try:
            self._transport.call("UpdateItem", request)
        except ConditionFailed:
            return False
        return True

    def settle(self, before: Delivery, after: Delivery, due: Due) -> bool:
        """1 write unit per KB, and 1 for its place, 2 where it is queued anew.

        The delivery first: a place that is left over then leads to one that says better.
        """
        if not self._update(before, after):
            return False
        if after.status is Status.PENDING:
            self.requeue(after)
        self.drop(due)
        return True

    def again(self, before: Delivery, after: Delivery) -> bool:
        """1 write unit per KB, and 1 for its place."""
        if not self._update(before, after):
            return False
        self.requeue(after)
        return True

    def drop(self, due: Due) -> None:
        """1 write unit."""
        self._transport.call("DeleteItem", {"TableName": self._table, "Key": _place_key(due)})

    def requeue(self, delivery: Delivery) -> None:
        """1 write unit. One that is there stays, as somebody may be at it."""
        try:
            self._put(_place(delivery), NEW)
        except ConditionFailed:
            return

    def _update(self, before: Delivery, after: Delivery) -> bool:
        values: Item = {
            ":before": {"S": str(before.status)},
            ":due": {"N": str(before.due)},
            ":state": {"S": str(after.status)},
            ":next": {"N": str(after.due)},
            ":data": {"S": _data(after)},
        }
        request = {
            "TableName": self._table,
            "Key": key_item(keys.delivery(before.endpoint, before.id)),
            "UpdateExpression": "SET #s = :state, #n = :next, d = :data",
            "ConditionExpression": "#s = :before AND #n = :due",
            "ExpressionAttributeNames": {"#s": "s", "#n": "n"},
            "ExpressionAttributeValues": values,
        }
        try:
            self._transport.call("UpdateItem", request)
        except ConditionFailed:
            return False
        return True

    def _put(self, item: Item, condition: str = "") -> None:
        request: dict[str, Any] = {"TableName": self._table, "Item": item}
        if condition:
            request["ConditionExpression"] = condition
        self._transport.call("PutItem", request)


def _item(delivery: Delivery) -> Item:
    return {
        **key_item(keys.delivery(delivery.endpoint, delivery.id)),
        "s": {"S": str(delivery.status)},
        "n": {"N": str(delivery.due)},
        "d": {"S": _data(delivery)},
        "p": _packed(delivery.payload),
        "x": {"N": str(delivery.expires)},
    }


def _data(delivery: Delivery) -> str:
    known = asdict(delivery)
    return json.encode({name: value for name, value in known.items() if name not in _APART})


def _packed(text: str) -> dict[str, Any]:
    raw = text.encode()
    small = zlib.compress(raw, 6)
    return codec.binary(small) if len(small) < len(raw) else {"S": text}


def _delivery(endpoint: str, item: Item) -> Delivery:
    known = json.decode(item["d"]["S"].encode())
    known["attempts"] = tuple(Attempt(**one) for one in known["attempts"])
    packed = item["p"]
    payload = packed.get("S") or zlib.decompress(b64decode(packed["B"])).decode()
    return Delivery(
        endpoint=endpoint,
        id=item["sk"]["S"],
        payload=payload,
        status=Status(item["s"]["S"]),
        due=int(item["n"]["N"]),
        **known,
    )


def _place(delivery: Delivery) -> Item:
    return {**_place_key(due_of(delivery)), "x": {"N": str(delivery.expires)}}


def _place_key(due: Due) -> Item:
    return key_item(keys.queued(due.endpoint, due.due, due.sequence, due.id))


def _due(endpoint: str, item: Item) -> Due:
    ms, sequence, delivery = keys.place_in_queue(item["sk"]["S"])
    return Due(endpoint, ms, sequence, delivery, int(item.get("c", {"N": "0"})["N"]))
