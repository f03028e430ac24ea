"""Open sockets, ``!conn.{id}``, with the subscriptions of each; `x` is their expiry."""

from __future__ import annotations

from collections.abc import Collection as Several
from collections.abc import Mapping, Sequence
from typing import Any

from covey.config import settings
from covey.errors import Unavailable
from covey.realtime.model import Connection, Identity, Listened, Subscription
from covey.store import codec, keys
from covey.store.faults import ConditionFailed
from covey.store.models.identity_text import identity_of, identity_text
from covey.store.outcomes import DomainTransport
from covey.store.subscriptions import SubscriptionIndex
from covey.store.transport import Transport, transport
from covey.store.writing import key_item

_OPEN = "attribute_exists(pk)"


class DynamoConnectionStore:
    """The port `ConnectionStore` over the table.

    A connection names its subscriptions, by the client's ids, with the collection and the topics
    that each is kept under; so whoever closes it finds them all.
    """

    def __init__(self, over: Transport | None = None, table: str = "") -> None:
        self._transport = DomainTransport(over or transport())
        self._table = table or settings().table_name
        self._index = SubscriptionIndex(self._transport, self._table)

    def open(self, connection: Connection) -> None:
        """2 write units: one for the sweep."""
        item = {
            **key_item(keys.connection(connection.id)),
            "identity": {"S": identity_text(connection.identity)},
            "listens": {"M": {}},
            "x": codec.encode(connection.expires),
            "xb": {"S": keys.socket_bucket(connection.id)},
        }
        self._transport.call("PutItem", {"TableName": self._table, "Item": item})

    def get(self, connection_id: str) -> Connection | None:
        """1 read unit, and 1 more per 4 KB: some 40 subscriptions."""
        item = self._item(connection_id)
        if item is None:
            return None
        return Connection(
            connection_id,
            identity_of(item["identity"]["S"]),
            int(item["x"]["N"]),
            frozenset(f"{_kept(text)[0]}/{name}" for name, text in _listens(item).items()),
        )

    def identify(self, connection_id: str, identity: Identity) -> bool:
        """1 write unit."""
        values = {":i": {"S": identity_text(identity)}}
        request = {
            "UpdateExpression": "SET #i = :i",
            "ExpressionAttributeNames": {"#i": "identity"},
        }
        return self._change(connection_id, request, values) is not None

    def subscribe(self, subscription: Subscription, limit: int) -> bool:
        """3 write units, 2 more per further topic.

        Noted with the connection first, so that no subscription escapes the limit or `close`.
        """
        name, topics = subscription.id, subscription.topics
        request = {
            "UpdateExpression": "SET #l.#n = :s",
            "ConditionExpression": f"{_OPEN} AND (attribute_exists(#l.#n) OR size(#l) < :m)",
            "ExpressionAttributeNames": {"#l": "listens", "#n": name},
            "ReturnValues": "UPDATED_OLD",
        }
        told = " ".join((subscription.collection, *sorted(topics)))
        values = {":s": {"S": told}, ":m": codec.encode(limit)}
        old = self._change(subscription.connection, request, values)
        if old is None:
            return False
        self._index.keep(subscription)
        if name in _listens(old):
            collection, former = _kept(_listens(old)[name])
            same = collection == subscription.collection
            gone = former - topics if same else former
            self._index.drop(collection, gone, subscription.connection, name)
        return True

    def unsubscribe(self, connection_id: str, subscription_id: str) -> bool:
        """1 write unit, 2 more per topic."""
        request = {
            "UpdateExpression": "REMOVE #l.#n",
            "ConditionExpression": "attribute_exists(#l.#n)",
            "ExpressionAttributeNames": {"#l": "listens", "#n": subscription_id},
            "ReturnValues": "UPDATED_OLD",
        }
        old = self._change(connection_id, request, {})
        if old is None:
            return False
        self._index.drop(*_kept(_listens(old)[subscription_id]), connection_id, subscription_id)
        return True

    def close(self, connection_id: str) -> None:
        """2 write units, 2 more per topic of each subscription."""
        item = self._item(connection_id)
        if item is None:
            return
        for name, text in _listens(item).items():
            self._index.drop(*_kept(text), connection_id, name)
        key = key_item(keys.connection(connection_id))
        self._transport.call("DeleteItem", {"TableName": self._table, "Key": key})

    def subscriptions(self, connection_id: str) -> Sequence[Subscription]:
        """1 read unit, and 1 per subscription."""
        item = self._item(connection_id) or {}
        wanted = []
        for name, text in _listens(item).items():
            collection, topics = _kept(text)
            wanted.append(keys.subscription(collection, min(topics), connection_id, name))
        return list(self._index.get(wanted))

    def admit(self, collection: str, fields: Several[str], now: float) -> Listened:
        """Nothing, or 1 read unit, and 1 write unit at times."""
        return self._index.admit(collection, fields, now)

    def listened(self, collections: Several[str], now: float) -> Mapping[str, Listened]:
        """1 read unit per collection."""
        return self._index.listened(collections, now)

    def subscribers(self, collection: str, topics: Several[str]) -> Sequence[Subscription]:
        """1 read unit per topic, and 1 per 4 KB of what changed since this process read it."""
        return self._index.subscribers(collection, topics)

    def _item(self, connection_id: str) -> dict[str, Any] | None:
        key = key_item(keys.connection(connection_id))
        request = {"TableName": self._table, "Key": key, "ConsistentRead": True}
        found: dict[str, Any] | None = self._transport.call("GetItem", request).get("Item")
        return found

    def _change(
        self, connection_id: str, request: Mapping[str, Any], values: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """What an update replaced; None when the connection is gone, or a condition fails."""
        whole = {
            "TableName": self._table,
            "Key": key_item(keys.connection(connection_id)),
            "ConditionExpression": _OPEN,
            **request,
        }
        if values:
            whole["ExpressionAttributeValues"] = values
        try:
            answer = self._transport.call("UpdateItem", whole)
        except ConditionFailed as failed:
            if failed.uncertain:  # the first try may have done it
                raise Unavailable("The database is busy; try again.") from failed
            return None
        return dict(answer.get("Attributes", {}))


def _listens(item: Mapping[str, Any]) -> dict[str, str]:
    found = item.get("listens", {}).get("M", {})
    return {name: value["S"] for name, value in found.items()}


def _kept(text: str) -> tuple[str, frozenset[str]]:
    """The collection of a subscription, and the topics that it is kept under."""
    collection, *topics = text.split(" ")
    return collection, frozenset(topics)
