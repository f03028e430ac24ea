"""Where connections and subscriptions are kept: the port."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from covey.realtime.model import Connection, Identity, Subscription


class ConnectionStore(Protocol):
    """Implemented by `covey.store.models.connection` and `covey.testing.realtime`."""

    def open(self, connection: Connection) -> None:
        """Keep a new connection."""
        ...

    def get(self, connection_id: str) -> Connection | None:
        """The connection, read consistently."""
        ...

    def identify(self, connection_id: str, identity: Identity) -> bool:
        """Let an open connection and its subscriptions speak for somebody else; False: gone."""
        ...

    def subscribe(self, subscription: Subscription, limit: int) -> bool:
        """Keep a subscription, in place of one of the same id; False when over `limit` or gone."""
        ...

    def unsubscribe(self, connection_id: str, subscription_id: str) -> bool:
        """Drop a subscription; False when there is none."""
        ...

    def close(self, connection_id: str) -> None:
        """Drop a connection and all it subscribed to; closing twice does no harm."""
        ...

    def subscribers(self, collection: str) -> Sequence[Subscription]:
        """The subscriptions to a collection."""
        ...
