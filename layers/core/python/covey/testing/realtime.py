"""A ConnectionStore in memory, for tests."""

from __future__ import annotations

from dataclasses import replace

from covey.realtime.model import Connection, Identity, Subscription


class MemoryConnectionStore:
    """Passes the tests of the real store."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection] = {}
        self._subscriptions: dict[tuple[str, str], Subscription] = {}

    def open(self, connection: Connection) -> None:
        """Keep a new connection."""
        self._connections[connection.id] = connection

    def get(self, connection_id: str) -> Connection | None:
        """The connection."""
        return self._connections.get(connection_id)

    def identify(self, connection_id: str, identity: Identity) -> bool:
        """Let it speak for somebody else."""
        connection = self._connections.get(connection_id)
        if connection is None:
            return False
        self._connections[connection_id] = replace(connection, identity=identity)
        for key, one in self._subscriptions.items():
            if key[0] == connection_id:
                self._subscriptions[key] = replace(one, identity=identity)
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

    def subscribers(self, collection: str) -> list[Subscription]:
        """The subscriptions to a collection."""
        return [one for one in self._subscriptions.values() if one.collection == collection]
