"""The stores of sockets in memory, for tests. They pass the tests of the real ones."""

from __future__ import annotations

from collections.abc import Collection as Several
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from json import dumps, loads

from covey.collections.model import Collection
from covey.realtime.model import (
    CONNECTION_SECONDS,
    KEPT_SECONDS,
    MAX_FIELDS,
    Connection,
    Identity,
    Listened,
    Subscription,
)
from covey.realtime.ports import Lost
from covey.records.model import Change


class MemoryConnectionStore:
    """A `ConnectionStore`."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection] = {}
        self._subscriptions: dict[tuple[str, str], Subscription] = {}
        self._listened: dict[str, Listened] = {}

    def open(self, connection: Connection) -> None:
        """Keep a new connection."""
        self._connections[connection.id] = connection

    def get(self, connection_id: str) -> Connection | None:
        """The connection."""
        found = self._connections.get(connection_id)
        own = self.subscriptions(connection_id)
        listens = frozenset(f"{one.collection}/{one.id}" for one in own)
        return None if found is None else replace(found, subscriptions=listens)

    def identify(self, connection_id: str, identity: Identity) -> bool:
        """Let it speak for somebody else."""
        connection = self._connections.get(connection_id)
        if connection is None:
            return False
        self._connections[connection_id] = replace(connection, identity=identity)
        return True

    def subscribe(self, subscription: Subscription, limit: int) -> bool:
        """Keep a subscription."""
        key = (subscription.connection, subscription.id)
        own = {one for one in self._subscriptions if one[0] == subscription.connection}
        if subscription.connection not in self._connections or len(own | {key}) > limit:
            return False
        self._subscriptions[key] = subscription
        return True

    def unsubscribe(self, connection_id: str, subscription_id: str) -> bool:
        """Drop a subscription."""
        return self._subscriptions.pop((connection_id, subscription_id), None) is not None

    def close(self, connection_id: str) -> None:
        """Drop a connection and all it subscribed to."""
        self._connections.pop(connection_id, None)
        for key in [key for key in self._subscriptions if key[0] == connection_id]:
            del self._subscriptions[key]

    def subscriptions(self, connection_id: str) -> list[Subscription]:
        """What a connection subscribed to."""
        return [one for key, one in self._subscriptions.items() if key[0] == connection_id]

    def admit(self, collection: str, fields: Several[str], now: float) -> Listened:
        """Note that somebody is about to listen."""
        old = self.listened((collection,), now).get(collection)
        known = old.fields if old else frozenset()
        more = sorted(set(fields) - known)[: MAX_FIELDS - len(known)]
        since = old.since if old else int(now * 1000)
        until = int(now) + CONNECTION_SECONDS + KEPT_SECONDS
        noted = Listened(known.union(more), since, until)
        self._listened[collection] = noted
        return noted

    def listened(self, collections: Several[str], now: float) -> Mapping[str, Listened]:
        """Those that somebody listens to."""
        return {
            name: one
            for name, one in self._listened.items()
            if name in collections and one.until > now
        }

    def subscribers(self, collection: str, topics: Several[str]) -> Sequence[Subscription]:
        """The subscriptions to a collection under any of these topics."""
        wanted = set(topics)
        every = self._subscriptions.values()
        return [one for one in every if one.collection == collection and one.topics & wanted]


class MemoryChangeLog:
    """A `ChangeLog`."""

    def __init__(self) -> None:
        self._kept: list[tuple[str, int, int, Change]] = []

    def append(self, collection: Collection, at: int, changes: Sequence[Change]) -> None:
        """Keep changes under a time."""
        self._kept += [(collection.life, collection.version, at, change) for change in changes]

    def since(self, collection: Collection, at: int, most: int) -> Iterator[Change]:
        """What was kept then and later."""
        found = [one for one in self._kept if one[0] == collection.life and one[2] >= at]
        if len(found) > most or any(one[1] != collection.version for one in found):
            raise Lost
        for _, _, _, change in sorted(found, key=lambda one: one[2]):
            yield change


class PlainPlaces:
    """A `Places` whose cursors can be read."""

    def seal(self, collection: Collection, scope: str, wanted: tuple[str, str], at: int) -> str:
        """The cursor of a time."""
        return dumps([collection.name, scope, *wanted, at])

    def open(
        self, collection: Collection, scope: str, wanted: tuple[str, str], cursor: str
    ) -> int | None:
        """The time."""
        try:
            *bound, at = loads(cursor)
        except (ValueError, TypeError):
            return None
        return int(at) if bound == [collection.name, scope, *wanted] else None
