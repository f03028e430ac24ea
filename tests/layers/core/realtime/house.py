"""Sockets over twins: what they say, and what they are told."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from covey.collections import Catalog, load
from covey.errors import Unauthenticated, Unavailable
from covey.identity.principal import Kind, Principal
from covey.identity.profile import with_profile
from covey.realtime.catching_up import CatchingUp
from covey.realtime.delivery import Delivery
from covey.realtime.fan_out import FanOut
from covey.realtime.messages import Conversation
from covey.realtime.model import Connection, Identity
from covey.realtime.signing_in import SigningIn
from covey.realtime.subscribing import Subscribing
from covey.records.model import Change, ChangeKind, Record
from covey.records.service import Records
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.realtime import MemoryChangeLog, MemoryConnectionStore, PlainPlaces
from covey.testing.records import MemoryRecordStore
from covey.testing.sockets import MemorySockets

ANN = Principal(Kind.USER, "ann", session="s1")
BEN = Principal(Kind.USER, "ben", session="s2")
TOKENS = {"ann-token": ANN, "ben-token": BEN}
POSTS = {
    "name": "posts",
    "fields": {
        "title": {"type": "text"},
        "author": {"type": "text"},
        "published": {"type": "bool", "default": False},
        "note": {"type": "text", "read": "author == auth.id"},
        "team": {"type": "text"},
    },
    "rules": {"read": "published || author == auth.id || team == auth.team"},
}
_SEQUENCES = count(1)
CLOSED = {"name": "closed", "fields": {"title": {"type": "text"}}}


class House:
    def __init__(self) -> None:
        self.now = time.time()
        self.ended: set[str] = set()
        self.roles: dict[str, tuple[str, ...]] = {}
        self.teams: dict[str, Mapping[str, Any]] = {"ben": {"team": "red"}}
        self.catalog = Catalog(MemoryCatalogStore())
        for document in (POSTS, CLOSED):
            self.catalog.save(load(document))
        self.store, self.sockets = MemoryConnectionStore(), MemorySockets()
        self.log, self.places = MemoryChangeLog(), PlainPlaces()
        self.kept = MemoryRecordStore()
        self.records = Records(self.kept, self.catalog)
        self.subscribing = Subscribing(
            self.store,
            self.catalog,
            self.present,
            CatchingUp(self.log, self.places, self.records.list, now=self.clock),
            now=self.clock,
        )
        self.conversation = Conversation(
            self.store,
            SigningIn(self.store, self.verify, follow=self.subscribing.identify).kinds,
            self.subscribing.kinds,
        )
        self.fan_out = FanOut(
            self.store,
            self.log,
            self.places,
            self.catalog,
            Delivery(self.sockets, self.store),
            self.present,
            with_profile=self.profiled,
            now=self.clock,
        )

    def rule(self, read: str) -> None:
        """Let this read rule hold for posts from now on."""
        document = {**POSTS, "rules": {"read": read}}
        self.catalog.save(load(document, previous=self.catalog.get("posts")))

    def verify(self, token: str) -> tuple[Principal, int]:
        if token not in TOKENS:
            raise Unauthenticated(code="invalid_token")
        return TOKENS[token], int(self.now) + 900

    def clock(self) -> float:
        return self.now

    def present(self, who: Principal) -> Principal:
        if "?" in self.ended:
            raise Unavailable
        if who.id in self.ended:
            raise Unauthenticated("This user is gone.", code="invalid_token")
        return replace(self.profiled(who), roles=self.roles.get(who.id, who.roles))

    def profiled(self, who: Principal) -> Principal:
        return with_profile(who, lambda user: self.teams.get(user, {}))

    def open(self, connection: str, token: str = "") -> str:
        self.store.open(Connection(connection, Identity(), int(self.now) + 7200))
        if token:
            assert self.say(connection, type="auth", token=token)["type"] == "auth"
        return connection

    def say(self, connection: str, **message: Any) -> dict[str, Any]:
        return self.frame(connection, json.dumps(message))

    def frame(self, connection: str, text: str) -> dict[str, Any]:
        (answer,) = self.conversation.answers(connection, text)
        return answer

    def says(self, connection: str, **message: Any) -> list[dict[str, Any]]:
        return list(self.conversation.answers(connection, json.dumps(message)))

    def listen(self, connection: str, collection: str = "posts", **more: Any) -> dict[str, Any]:
        return self.say(connection, type="subscribe", id="1", collection=collection, **more)

    def events(self, connection: str) -> list[dict[str, Any]]:
        """What a socket was sent since it was last asked."""
        return [json.loads(frame) for frame in self.sockets.posted.pop(connection, [])]

    def tell(self, *changes: Change) -> dict[str, list[tuple[str, dict[str, Any]]]]:
        self.sockets.posted.clear()
        self.fan_out.tell(changes)
        return {
            connection: [
                (event.get("kind", event["type"]), event.get("record"))
                for event in map(json.loads, frames)
            ]
            for connection, frames in self.sockets.posted.items()
        }


def post(version: int = 1, **values: Any) -> Record:
    return Record("p1", 1_800_000_000_000, 1_800_000_000_000, version, values)


def change(before: Record | None, after: Record | None) -> Change:
    kind = (
        ChangeKind.CREATED
        if before is None
        else ChangeKind.DELETED
        if after is None
        else ChangeKind.UPDATED
    )
    found = after or before or post()
    return Change("posts", found.id, found.version, kind, before, after, str(next(_SEQUENCES)))


DRAFT = post(title="A", author="ann", published=False, note="mine")
PUBLIC = replace(DRAFT, version=2, values={**DRAFT.values, "published": True})
