"""Where connections, subscriptions and what they may have missed are kept: the ports."""

from __future__ import annotations

from collections.abc import Collection as Several
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from covey.collections.model import Collection
from covey.realtime.model import Connection, Identity, Listened, Subscription
from covey.records.model import Change


class ConnectionStore(Protocol):
    """Implemented by `covey.store.models.connection` and `covey.testing.realtime`."""

    def open(self, connection: Connection) -> None:
        """Keep a new connection."""
        ...

    def get(self, connection_id: str) -> Connection | None:
        """The connection, read consistently."""
        ...

    def identify(self, connection_id: str, identity: Identity) -> bool:
        """Let an open connection speak for somebody else; False: gone."""
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

    def subscriptions(self, connection_id: str) -> Sequence[Subscription]:
        """What a connection subscribed to."""
        ...

    def admit(self, collection: str, fields: Several[str], now: float) -> Listened:
        """Note that somebody is about to listen to a collection by the values of these fields.

        A field that is not among the `fields` of the answer is one too many: whoever listens by it
        listens under `EVERY`. To be called before `subscribe`, for subscriptions as long as a
        connection may last.
        """
        ...

    def listened(self, collections: Several[str], now: float) -> Mapping[str, Listened]:
        """Those of the collections that somebody listens to, or did lately; read consistently."""
        ...

    def subscribers(self, collection: str, topics: Several[str]) -> Sequence[Subscription]:
        """Each subscription to a collection under any of these topics, once.

        All that had been kept when this was called are among them.
        """
        ...


class Lost(Exception):
    """What changed since is not known any more, or is too much."""


class ChangeLog(Protocol):
    """The latest changes of collections that somebody listens to, for who was away a moment.

    Implemented by `covey.store.change_log` and `covey.testing.realtime`.
    """

    def append(self, collection: Collection, at: int, changes: Sequence[Change]) -> None:
        """Keep changes under a time (milliseconds), for `KEPT_SECONDS`."""
        ...

    def since(self, collection: Collection, at: int, most: int) -> Iterator[Change]:
        """What was kept under that time and later, in the order of their times; maybe repeated.

        Raises Lost for more than `most`, and where the collection was another then.
        """
        ...


class Places(Protocol):
    """Cursors of subscriptions: sealed, and bound to who asked for what."""

    def seal(self, collection: Collection, scope: str, wanted: tuple[str, str], at: int) -> str:
        """The cursor of a time (milliseconds)."""
        ...

    def open(
        self, collection: Collection, scope: str, wanted: tuple[str, str], cursor: str
    ) -> int | None:
        """The time; None for what was not sealed for exactly this, or is too old."""
        ...
