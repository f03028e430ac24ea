"""`subscribe` and `unsubscribe`.

{"type": "subscribe", "id": "1", "collection": "posts",
 "filter": "…"}                                           → {"type": "ready", "id": "1"}
{"type": "unsubscribe", "id": "1"}                        → {"type": "unsubscribed", "id": "1"}
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from covey.collections.catalog import Catalog
from covey.errors import BadRequest, NotFound, TooManyRequests
from covey.identity.authorize import DENY, list_rule
from covey.identity.principal import Principal
from covey.realtime.frames import Answer, Handle, Message, text
from covey.realtime.listening import listener_filter
from covey.realtime.model import MAX_SUBSCRIPTIONS, Connection, Subscription
from covey.realtime.ports import ConnectionStore


class Subscribing:
    """Keeps and drops subscriptions."""

    def __init__(
        self,
        store: ConnectionStore,
        catalog: Catalog,
        present: Callable[[Principal], Principal],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._present = present
        self._now = now
        self.kinds: dict[str, Handle] = {
            "subscribe": self.subscribe,
            "unsubscribe": self.unsubscribe,
        }

    def subscribe(self, connection: Connection, message: Message) -> Iterator[Answer]:
        """Keep a subscription, in place of one of the same id."""
        name = text(message, "id")
        collection = self._catalog.get(text(message, "collection"))
        written = message.get("filter") or ""
        if not isinstance(written, str):
            raise BadRequest("filter is a text.", code="invalid_filter")
        who = connection.identity.principal(int(self._now()))
        if who is None:
            raise BadRequest("The sign-in has run out; send auth again.", code="sign_in_expired")
        who = self._present(who)
        if list_rule(who, collection) is DENY:
            raise NotFound("collection")
        listener_filter(who, collection, written)
        subscription = Subscription(
            connection.id, name, collection.name, written, connection.identity, connection.expires
        )
        if not self._store.subscribe(subscription, MAX_SUBSCRIPTIONS):
            raise TooManyRequests(f"A socket has at most {MAX_SUBSCRIPTIONS} subscriptions.")
        yield {"type": "ready", "id": name}

    def unsubscribe(self, connection: Connection, message: Message) -> Iterator[Answer]:
        """Drop a subscription."""
        name = text(message, "id")
        if not self._store.unsubscribe(connection.id, name):
            raise NotFound("subscription")
        yield {"type": "unsubscribed", "id": name}
