"""`subscribe` and `unsubscribe`.

    {"type": "subscribe", "id": "1", "collection": "posts",
     "filter": "…"}                                  → {"type": "ready", "id": "1", "cursor": "…"}
     …, "record": "p1"}                                only the changes of one record
     …, "snapshot": true, "sort": "…", "limit": 30}  → {"type": "snapshot", …}, then ready
     …, "cursor": "…"}                               → what was missed, then ready
                                                     or {"type": "reload", …}, then ready
    {"type": "unsubscribe", "id": "1"}               → {"type": "unsubscribed", "id": "1"}

A subscription that cannot be had changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from covey.collections.catalog import Catalog
from covey.collections.model import Collection
from covey.errors import BadRequest, CoveyError, NotFound, TooManyRequests, Unavailable
from covey.identity.authorize import DENY, list_rule
from covey.identity.principal import Principal
from covey.realtime.catching_up import CatchingUp, Start, Wish
from covey.realtime.frames import Answer, Handle, Message, text
from covey.realtime.listening import listener_filter
from covey.realtime.model import (
    EVERY,
    MAX_SUBSCRIPTIONS,
    Connection,
    Identity,
    Listened,
    Subscription,
)
from covey.realtime.ports import ConnectionStore, Lost
from covey.realtime.topics import Topic, topics_of

MAX_RECORD = 256
MAX_CURSOR = 2_000


class Subscribing:
    """Keeps and drops subscriptions."""

    def __init__(
        self,
        store: ConnectionStore,
        catalog: Catalog,
        present: Callable[[Principal], Principal],
        catching_up: CatchingUp,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`present` is the caller of now; raises Unauthenticated for one that is not there."""
        self._store = store
        self._catalog = catalog
        self._present = present
        self._catching_up = catching_up
        self._now = now
        self.kinds: dict[str, Handle] = {
            "subscribe": self.subscribe,
            "unsubscribe": self.unsubscribe,
        }

    def subscribe(self, connection: Connection, message: Message) -> Iterator[Answer]:
        """Keep a subscription, in place of one of the same id, and tell what it begins with."""
        name = text(message, "id")
        collection = self._catalog.get(text(message, "collection"))
        written = message.get("filter") or ""
        if not isinstance(written, str):
            raise BadRequest("filter is a text.", code="invalid_filter")
        record = text(message, "record", MAX_RECORD) if "record" in message else ""
        cursor = text(message, "cursor", MAX_CURSOR) if "cursor" in message else ""
        page = _page(message)
        who = connection.identity.principal(int(self._now()))
        if who is None:
            raise BadRequest("The sign-in has run out; send auth again.", code="sign_in_expired")
        wish = Wish(self._present(who), collection, (written, record), name)
        topics = _topics(wish.who, collection, written, record)
        there = self._admitted(collection, topics)
        start = self._catching_up.start()
        yield from self._begin(wish, start, there, cursor, page)
        self._keep(
            Subscription(
                connection.id,
                name,
                collection.name,
                written,
                connection.identity,
                connection.expires,
                record,
                _kept_under(topics, there),
            )
        )
        try:
            yield from self._catching_up.rest(wish, start)
        except Lost:
            yield from self._anew(wish, start, page)
        yield self._catching_up.ready(wish, start)

    def unsubscribe(self, connection: Connection, message: Message) -> Iterator[Answer]:
        """Drop a subscription."""
        name = text(message, "id")
        if not self._store.unsubscribe(connection.id, name):
            raise NotFound("subscription")
        yield {"type": "unsubscribed", "id": name}

    def identify(
        self, connection: Connection, who: Principal, identity: Identity
    ) -> Iterator[Answer]:
        """Let the subscriptions of a connection speak for somebody else.

        Those that they may not have are dropped, and told.
        """
        for one in self._store.subscriptions(connection.id):
            try:
                collection = self._catalog.get(one.collection)
                topics = _topics(who, collection, one.filter, one.record)
            except Unavailable:
                raise
            except CoveyError as refused:
                self._store.unsubscribe(connection.id, one.id)
                why = {"code": refused.code, "detail": refused.detail}
                yield {"type": "unsubscribed", "id": one.id, **why}
            else:
                there = self._admitted(collection, topics)
                under = _kept_under(topics, there)
                self._keep(replace(one, identity=identity, topics=under))

    def _begin(
        self,
        wish: Wish,
        start: Start,
        there: Listened,
        cursor: str,
        page: Mapping[str, str] | None,
    ) -> Iterator[Answer]:
        if cursor:
            try:
                yield from self._catching_up.resume(wish, start, cursor, there)
            except Lost:
                yield from self._anew(wish, start, page)
        elif page is not None:
            yield from self._catching_up.snapshot(wish, start, page)

    def _anew(self, wish: Wish, start: Start, page: Mapping[str, str] | None) -> Iterator[Answer]:
        yield {"type": "reload", "id": wish.id}
        if page is not None:
            yield from self._catching_up.snapshot(wish, start, page)

    def _admitted(self, collection: Collection, topics: frozenset[Topic]) -> Listened:
        fields = {topic.field for topic in topics}
        return self._store.admit(collection.name, fields, self._now())

    def _keep(self, subscription: Subscription) -> None:
        if not self._store.subscribe(subscription, MAX_SUBSCRIPTIONS):
            raise TooManyRequests(f"A socket has at most {MAX_SUBSCRIPTIONS} subscriptions.")


def _topics(who: Principal, collection: Collection, written: str, record: str) -> frozenset[Topic]:
    """Where their subscription is to be found; raises where they may not have it."""
    rule = list_rule(who, collection)
    if rule is DENY:
        raise NotFound("collection")
    return topics_of(collection, record, (listener_filter(who, collection, written), rule))


def _kept_under(topics: frozenset[Topic], there: Listened) -> frozenset[str]:
    known = all(topic.field in there.fields for topic in topics)
    return frozenset(topic.text for topic in topics) if topics and known else frozenset((EVERY,))


def _page(message: Message) -> Mapping[str, str] | None:
    """The parameters of the list that a snapshot is; None without one."""
    wanted = message.get("snapshot", False)
    if not isinstance(wanted, bool):
        raise BadRequest("snapshot is true or false.", code="invalid_message")
    parameters = {name: str(message[name]) for name in ("sort", "limit") if name in message}
    if parameters and not wanted:
        raise BadRequest("sort and limit are of a snapshot.", code="invalid_message")
    return parameters if wanted else None
