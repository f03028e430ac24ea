"""What a client may say over a socket, and what it is answered.

    {"type": "auth", "token": "…"}                                   → {"type": "auth", "user": "…"}
    {"type": "subscribe", "id": "1", "collection": "posts",
     "filter": "…"}                                                  → {"type": "ready", "id": "1"}
    {"type": "unsubscribe", "id": "1"}                               → {"type": "unsubscribed", …}
    {"type": "ping"}                                                 → {"type": "pong"}

A message that cannot be taken is answered by ``{"type": "error", "code", "detail", "id"}`` and
the socket stays open.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from covey import json
from covey.collections.catalog import Catalog
from covey.errors import BadRequest, CoveyError, NotFound, TooManyRequests
from covey.identity.authorize import DENY, list_rule
from covey.identity.principal import Principal
from covey.realtime.listening import listener_filter
from covey.realtime.model import MAX_SUBSCRIPTIONS, Connection, Identity, Subscription
from covey.realtime.ports import ConnectionStore

MAX_FRAME = 32_768
MAX_NAME = 64

Answer = dict[str, Any]
Verify = Callable[[str], tuple[Principal, int]]
"""An access token to its caller and its end (seconds); raises Unauthenticated."""


class Conversation:
    """Answers messages of open sockets."""

    def __init__(
        self,
        store: ConnectionStore,
        catalog: Catalog,
        verify: Verify,
        with_profile: Callable[[Principal], Principal],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._verify = verify
        self._with_profile = with_profile
        self._now = now
        self._kinds: Mapping[str, Callable[[Connection, Mapping[str, Any]], Answer]] = {
            "auth": self._auth,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "ping": self._ping,
        }

    def answer(self, connection_id: str, frame: str) -> Answer:
        """What to send back for one frame; never raises a CoveyError."""
        subscription = ""
        try:
            message = _message(frame)
            subscription = message["id"] if isinstance(message.get("id"), str) else ""
            connection = self._store.get(connection_id)
            if connection is None:
                raise NotFound("connection")
            kind = message.get("type")
            handle = self._kinds.get(kind) if isinstance(kind, str) else None
            if handle is None:
                raise BadRequest(
                    f"type is one of {', '.join(self._kinds)}.", code="unknown_message"
                )
            return handle(connection, message)
        except CoveyError as refused:
            said = {"type": "error", "code": refused.code, "detail": refused.detail}
            return {**said, "id": subscription[:MAX_NAME]} if subscription else said

    def _auth(self, connection: Connection, message: Mapping[str, Any]) -> Answer:
        token = _text(message, "token", 8_192)
        who, until = self._verify(token)
        self._store.identify(connection.id, Identity.of(who, until))
        return {"type": "auth", "user": who.id}

    def _subscribe(self, connection: Connection, message: Mapping[str, Any]) -> Answer:
        name = _text(message, "id", MAX_NAME)
        collection = self._catalog.get(_text(message, "collection", MAX_NAME))
        written = message.get("filter") or ""
        if not isinstance(written, str):
            raise BadRequest("filter is a text.", code="invalid_filter")
        who = connection.identity.principal(int(self._now()))
        if who is None:
            raise BadRequest("The sign-in has run out; send auth again.", code="sign_in_expired")
        who = self._with_profile(who)
        if list_rule(who, collection) is DENY:
            raise NotFound("collection")
        listener_filter(who, collection, written)
        subscription = Subscription(
            connection.id, name, collection.name, written, connection.identity, connection.expires
        )
        if not self._store.subscribe(subscription, MAX_SUBSCRIPTIONS):
            raise TooManyRequests(f"A socket has at most {MAX_SUBSCRIPTIONS} subscriptions.")
        return {"type": "ready", "id": name}

    def _unsubscribe(self, connection: Connection, message: Mapping[str, Any]) -> Answer:
        name = _text(message, "id", MAX_NAME)
        if not self._store.unsubscribe(connection.id, name):
            raise NotFound("subscription")
        return {"type": "unsubscribed", "id": name}

    def _ping(self, connection: Connection, message: Mapping[str, Any]) -> Answer:
        return {"type": "pong"}


def _message(frame: str) -> Mapping[str, Any]:
    if len(frame) > MAX_FRAME:
        raise BadRequest(f"A frame has at most {MAX_FRAME} characters.", code="frame_too_large")
    message = json.decode(frame.encode("utf-8", "surrogatepass"))
    if not isinstance(message, dict):
        raise BadRequest("A message is a JSON object.", code="invalid_json")
    return message


def _text(message: Mapping[str, Any], name: str, longest: int) -> str:
    value = message.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise BadRequest(f"{name} is a text of 1 to {longest} characters.", code="invalid_message")
    return value
