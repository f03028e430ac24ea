"""Subscriptions by topic, ``!sub.{collection}.{topic}``, and what says that there are any.

The head of a topic holds a marker that every change of its subscriptions replaces. So a process
that told of a change before asks for the heads alone, a hundred in one call, and reads again only
those subscriptions that are not as it knows them.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Collection as Several
from functools import lru_cache
from typing import Any

from covey.errors import Conflict
from covey.realtime.model import (
    CONNECTION_SECONDS,
    KEPT_SECONDS,
    MAX_FIELDS,
    Listened,
    Subscription,
)
from covey.store import codec, keys
from covey.store.callers import items_of
from covey.store.faults import ConditionFailed
from covey.store.models.identity_text import identity_of, identity_text
from covey.store.transport import Transport
from covey.store.writing import key_item

REMEMBERED = 200_000  # subscriptions; some 500 bytes each
_ATTEMPTS = 8  # of a note that others make at the same time
_AHEAD = 1800  # seconds for which a note is made beyond what is needed, so that few are made
_CALL = 100  # items of a BatchGetItem
_identity = lru_cache(maxsize=10_000)(identity_of)  # most are guests

Known = tuple[str, tuple[Subscription, ...]]


class SubscriptionIndex:
    """Keeps subscriptions where changes find them. Safe between threads."""

    def __init__(
        self, transport: Transport, table: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._transport = transport
        self._table = table
        self._clock = clock
        self._noted: dict[str, Mapping[str, Any]] = {}
        self._known: dict[tuple[str, str], Known] = {}
        self._count = 0

    # ---- who subscribes

    def admit(self, collection: str, fields: Several[str], now: float) -> Listened:
        """As `ConnectionStore.admit`: nothing where this process knows that it is noted.

        Else 1 read unit, and 1 write unit at times. What is noted stands until its time.
        """
        known = self._noted.get(collection)
        for _ in range(_ATTEMPTS):
            old = self._read(collection) if known is None else known
            there, ends = _admitted(old, fields, now)
            if ends is None:
                self._noted[collection] = old
                return there
            if known is None and self._note(collection, there, ends, old):
                return there
            known = None
        raise Conflict("Others are subscribing to the same; try again.")

    def keep(self, subscription: Subscription) -> None:
        """2 write units per topic; returns when the next change finds it."""
        for topic in subscription.topics:
            self._write("PutItem", {"Item": _item(subscription, topic)})
            self._mark(subscription.collection, topic)

    def drop(self, collection: str, topics: Several[str], connection: str, id: str) -> None:
        """2 write units per topic."""
        for topic in topics:
            key = keys.subscription(collection, topic, connection, id)
            self._write("DeleteItem", {"Key": key_item(key)})
            self._mark(collection, topic)

    def get(self, wanted: Sequence[keys.Key]) -> Iterator[Subscription]:
        """Those of these keys that are there; 1 read unit each."""
        for some in _some(wanted):
            for (pk, _), item in items_of(self._transport, self._table, some).items():
                yield _subscription(pk, item)

    # ---- who is told

    def listened(self, collections: Several[str], now: float) -> Mapping[str, Listened]:
        """1 read unit per collection."""
        names = {keys.listened(name): name for name in collections}
        found: dict[str, Listened] = {}
        for some in _some(list(names)):
            for key, item in items_of(self._transport, self._table, some).items():
                listened = _listened(item, now)
                if listened is not None:
                    found[names[key]] = listened
        return found

    def subscribers(self, collection: str, topics: Several[str]) -> Sequence[Subscription]:
        """1 read unit per topic, and 1 per 4 KB of what changed since this process read it."""
        heads = {keys.topic(collection, topic): topic for topic in topics}
        found: dict[tuple[str, str], Subscription] = {}
        for some in _some(list(heads)):
            for key, item in items_of(self._transport, self._table, some).items():
                for one in self._under(collection, heads[key], item["m"]["S"]):
                    found[one.connection, one.id] = one
        return list(found.values())

    def _under(self, collection: str, topic: str, marker: str) -> Sequence[Subscription]:
        known = self._known.get((collection, topic))
        if known is not None and known[0] == marker:
            return known[1]
        pk = keys.topic(collection, topic)[0]
        read = tuple(_subscription(pk, item) for item in self._query(pk))
        self._count += len(read) - (len(known[1]) if known else 0)
        if self._count > REMEMBERED:
            self._known, self._count = {}, len(read)
        self._known[collection, topic] = (marker, read)
        return read

    def _query(self, pk: str) -> Iterator[Mapping[str, Any]]:
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": {":p": {"S": pk}},
            "ConsistentRead": True,
        }
        while True:
            answer = self._transport.call("Query", request)
            yield from (item for item in answer["Items"] if item["sk"]["S"] != keys.ONLY)
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    # ---- parts

    def _mark(self, collection: str, topic: str) -> None:
        # After the subscription: who reads this marker reads that as well.
        pk, sk = keys.topic(collection, topic)
        end = codec.encode(int(self._clock()) + CONNECTION_SECONDS + _AHEAD)
        item = {"pk": {"S": pk}, "sk": {"S": sk}, "m": {"S": secrets.token_hex(8)}, "x": end}
        self._write("PutItem", {"Item": item})

    def _read(self, collection: str) -> Mapping[str, Any]:
        found = items_of(self._transport, self._table, [keys.listened(collection)])
        return next(iter(found.values()), {})

    def _note(
        self, collection: str, noted: Listened, ends: Mapping[str, int], old: Mapping[str, Any]
    ) -> bool:
        pk, sk = keys.listened(collection)
        item = {
            "pk": {"S": pk},
            "sk": {"S": sk},
            "f": codec.encode(dict(ends)),
            "s": codec.encode(noted.since),
            "x": codec.encode(noted.until),
            "m": {"S": secrets.token_hex(8)},
        }
        request: dict[str, Any] = {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        if old:
            request["ConditionExpression"] = "m = :m"
            request["ExpressionAttributeValues"] = {":m": old["m"]}
        try:
            self._write("PutItem", request)
        except ConditionFailed:
            return False
        return True

    def _write(self, operation: str, request: Mapping[str, Any]) -> None:
        self._transport.call(operation, {"TableName": self._table, **request})


def _some(wanted: Sequence[keys.Key]) -> Iterator[Sequence[keys.Key]]:
    for at in range(0, len(wanted), _CALL):
        yield wanted[at : at + _CALL]


def _ends(item: Mapping[str, Any]) -> dict[str, int]:
    """Until when there are listeners by the values of which fields."""
    return dict(codec.decode(item["f"])) if item else {}


def _listened(item: Mapping[str, Any], now: float) -> Listened | None:
    if not item or int(item["x"]["N"]) <= now:
        return None
    fields = frozenset(name for name, end in _ends(item).items() if end > now)
    return Listened(fields, int(item["s"]["N"]), int(item["x"]["N"]))


def _admitted(
    item: Mapping[str, Any], fields: Several[str], now: float
) -> tuple[Listened, dict[str, int] | None]:
    """What is to be noted of who listens, and the ends of its fields; None: it is noted."""
    needed = int(now) + CONNECTION_SECONDS
    found = _listened(item, now) or Listened(frozenset(), int(now * 1000), 0)
    ends = {name: end for name, end in _ends(item).items() if end > now}
    late = [name for name in fields if name in ends and ends[name] < needed]
    more = [name for name in sorted(fields) if name not in ends][: max(0, MAX_FIELDS - len(ends))]
    if not more and not late and found.until >= needed + KEPT_SECONDS:
        return Listened(frozenset(ends), found.since, found.until), None
    until = needed + _AHEAD
    ends |= dict.fromkeys((*more, *late), until)
    return Listened(frozenset(ends), found.since, until + KEPT_SECONDS), ends


def _item(one: Subscription, topic: str) -> dict[str, Any]:
    pk, sk = keys.subscription(one.collection, topic, one.connection, one.id)
    item = {
        "pk": {"S": pk},
        "sk": {"S": sk},
        "i": {"S": identity_text(one.identity)},
        "t": {"S": " ".join(sorted(one.topics))},
        "x": codec.encode(one.expires),
    }
    told = {"f": one.filter, "r": one.record}
    return item | {name: {"S": text} for name, text in told.items() if text}


def _subscription(pk: str, item: Mapping[str, Any]) -> Subscription:
    connection, _, name = item["sk"]["S"].partition("/")
    return Subscription(
        connection,
        name,
        pk.split(".")[1],
        item.get("f", {}).get("S", ""),
        _identity(item["i"]["S"]),
        int(item["x"]["N"]),
        item.get("r", {}).get("S", ""),
        frozenset(item["t"]["S"].split(" ")),
    )
