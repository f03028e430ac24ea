"""Open sockets, ``!conn.{id}``, and subscriptions, ``!sub.{collection}``; `x` is their expiry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.exceptions import DoesNotExist, UpdateError
from pynamodb.expressions.condition import size

from covey.realtime.model import Connection, Identity, Subscription
from covey.store import keys
from covey.store.models.base import Item, refused
from covey.store.models.identity_text import identity_of, identity_text


class ConnectionItem(Item):
    """A socket, and the names of its subscriptions as ``collection/id``."""

    identity = UnicodeAttribute()
    listens = UnicodeSetAttribute(null=True)
    expires = NumberAttribute(attr_name="x")
    bucket = UnicodeAttribute(attr_name="xb")  # by which the sweep finds it


class SubscriptionItem(Item):
    """One subscription; its sort key is ``{connection}/{id}``."""

    filter = UnicodeAttribute()
    identity = UnicodeAttribute()
    expires = NumberAttribute(attr_name="x")


class DynamoConnectionStore:
    """The port `ConnectionStore` over the table."""

    def open(self, connection: Connection) -> None:
        """2 write units: one for the sweep."""
        ConnectionItem(
            *keys.connection(connection.id),
            identity=identity_text(connection.identity),
            expires=connection.expires,
            bucket=keys.socket_bucket(connection.id),
        ).save()

    def get(self, connection_id: str) -> Connection | None:
        """1 read unit."""
        try:
            item = ConnectionItem.get(*keys.connection(connection_id), consistent_read=True)
        except DoesNotExist:
            return None
        return Connection(
            connection_id,
            identity_of(item.identity),
            int(item.expires),
            frozenset(item.listens or ()),
        )

    def identify(self, connection_id: str, identity: Identity) -> bool:
        """1 write unit, and 1 per subscription."""
        text = identity_text(identity)
        known = self._change(connection_id, [ConnectionItem.identity.set(text)])
        if known is None:
            return False
        for name in known.listens or ():
            item = _named(connection_id, name)
            try:
                item.update(
                    [SubscriptionItem.identity.set(text)],
                    condition=SubscriptionItem.identity.exists(),
                )
            except UpdateError as exc:
                if not refused(exc):  # unsubscribed meanwhile
                    raise
        return True

    def subscribe(self, subscription: Subscription, limit: int) -> bool:
        """2 write units; counted first, so that no subscription escapes the limit or `close`."""
        name = f"{subscription.collection}/{subscription.id}"
        listens = ConnectionItem.listens
        room = listens.does_not_exist() | listens.contains(name) | (_size(listens) < limit)
        known = self._change(subscription.connection, [listens.add({name})], room)
        if known is None:
            return False
        self._drop(subscription.connection, subscription.id, known, keep=name)
        SubscriptionItem(
            *_key(subscription.connection, name),
            filter=subscription.filter,
            identity=identity_text(subscription.identity),
            expires=subscription.expires,
        ).save()
        return True

    def unsubscribe(self, connection_id: str, subscription_id: str) -> bool:
        """1 read unit, 2 write units."""
        try:
            item = ConnectionItem.get(*keys.connection(connection_id), consistent_read=True)
        except DoesNotExist:
            return False
        return self._drop(connection_id, subscription_id, item)

    def close(self, connection_id: str) -> None:
        """1 read unit, 1 write unit and 1 per subscription."""
        try:
            item = ConnectionItem.get(*keys.connection(connection_id), consistent_read=True)
        except DoesNotExist:
            return
        for name in item.listens or ():
            _named(connection_id, name).delete()
        item.delete()

    def subscribers(self, collection: str) -> Sequence[Subscription]:
        """0.5 read units per 4 KB of subscriptions."""
        pk, _ = keys.subscription(collection, "")
        found = []
        for item in SubscriptionItem.query(pk, consistent_read=True):
            connection, _, name = item.sk.partition("/")
            found.append(
                Subscription(
                    connection,
                    name,
                    collection,
                    item.filter,
                    identity_of(item.identity),
                    int(item.expires),
                )
            )
        return found

    def _drop(
        self, connection_id: str, subscription_id: str, item: ConnectionItem, keep: str = ""
    ) -> bool:
        """Delete the subscriptions of that id, one per collection it named."""
        names = {
            name
            for name in item.listens or ()
            if name.partition("/")[2] == subscription_id and name != keep
        }
        for name in names:
            _named(connection_id, name).delete()
        if names:
            self._change(connection_id, [ConnectionItem.listens.delete(names)])
        return bool(names)

    def _change(
        self, connection_id: str, actions: list[object], room: object = None
    ) -> ConnectionItem | None:
        """Update an open connection; None when it is gone or there is no room."""
        item = ConnectionItem(*keys.connection(connection_id))
        condition = ConnectionItem.identity.exists()
        try:
            item.update(actions, condition=condition if room is None else condition & room)  # type: ignore[arg-type]
        except UpdateError as exc:
            if refused(exc):
                return None
            raise
        return item


_size: Callable[[object], Any] = size  # PynamoDB leaves it untyped


def _key(connection_id: str, name: str) -> keys.Key:
    collection, _, subscription_id = name.partition("/")
    return keys.subscription(collection, f"{connection_id}/{subscription_id}")


def _named(connection_id: str, name: str) -> SubscriptionItem:
    return SubscriptionItem(*_key(connection_id, name))
