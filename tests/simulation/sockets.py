"""Clients of the socket, which come and go, held against what they may see of the table."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from covey.errors import Unavailable
from covey.identity.principal import Kind, Principal
from covey.realtime.catching_up import CatchingUp
from covey.realtime.delivery import Delivery
from covey.realtime.fan_out import FanOut
from covey.realtime.messages import Conversation
from covey.realtime.model import Connection, Identity
from covey.realtime.signing_in import SigningIn
from covey.realtime.subscribing import Subscribing
from covey.testing.realtime import MemoryChangeLog, MemoryConnectionStore, PlainPlaces
from covey.testing.sockets import MemorySockets
from tests.simulation.faults import Chance, Clock, Mortal, Shards

WHO = {name: Principal(Kind.USER, name, session=name) for name in ("ann", "ben")}
FILTERS: dict[str, Any] = {
    "": lambda values: True,
    'shop == "a"': lambda values: values.get("shop") == "a",
    "amount > 100": lambda values: (values.get("amount") or 0) > 100,
}


class Client:
    """One that keeps what it is told of, and comes back with its cursor."""

    def __init__(self, name: str, collection: str, wanted: str) -> None:
        self.name, self.collection, self.wanted = name, collection, wanted
        self.connection = ""
        self.cursor = ""
        self.back = 0
        self.known: dict[str, Any] = {}
        self.reloads = 0
        self.resumed = 0

    def hear(self, frame: dict[str, Any]) -> bool:
        """Whether it is to read everything anew."""
        if "cursor" in frame:
            self.cursor = frame["cursor"]
        if frame["type"] == "reload":
            return True
        if frame["type"] == "change":
            record = frame["record"]
            if frame["kind"] in ("created", "updated"):
                self.known[record["id"]] = record
            else:
                self.known.pop(record["id"], None)
        return False

    def may_see(self, record: Any) -> bool:
        values = record.values
        allowed = values.get("published") or values.get("author") == self.name
        return bool(allowed and FILTERS[self.wanted](values))


class Sockets:
    """The socket API over the house's records, and its clients."""

    def __init__(self, house: Any, clock: Clock, chance: Chance) -> None:
        self.house, self.clock, self.chance = house, clock, chance
        self.store, self.sockets = MemoryConnectionStore(), MemorySockets()
        log, places = MemoryChangeLog(), PlainPlaces()
        mortal = Mortal(self.store, chance, 0.002)
        catching_up = CatchingUp(log, places, house.records.list, now=clock.seconds)
        self.subscribing = Subscribing(
            self.store, house.catalog, lambda who: who, catching_up, now=clock.seconds
        )
        signing_in = SigningIn(self.store, self._verify, follow=self.subscribing.identify)
        self.conversation = Conversation(self.store, signing_in.kinds, self.subscribing.kinds)
        self.fan_out = FanOut(
            mortal,
            Mortal(log, chance, 0.002),
            places,
            house.catalog,
            Delivery(Mortal(self.sockets, chance, 0.002), self.store, workers=1),
            lambda who: who,
            now=clock.seconds,
        )
        self.stream = Shards(chance)
        self._numbers = count()
        self.clients = [
            Client(name, collection, wanted)
            for name in WHO
            for collection in ("sales", "posts")
            for wanted in FILTERS
        ]

    def _verify(self, token: str) -> tuple[Principal, int]:
        return WHO[token], self.clock.ms // 1000 + 30 * 86_400

    def deliver(self) -> bool:
        """A batch of changes to whoever listens."""

        def take(batch: Any) -> str | None:
            try:
                self.fan_out.tell(batch)
            except Unavailable:
                return str(batch[0].sequence)
            return None

        more = self.stream.deliver(take)
        self._hear()
        return more

    def come_or_go(self) -> None:
        """One client is cut off, or comes back."""
        client = self.chance.dice.choice(self.clients)
        if not client.connection:
            if self.clock.ms >= client.back:
                self._connect(client)
        elif self.chance(0.5):
            self.sockets.gone.add(client.connection)  # nobody says so
            client.connection = ""
            if self.chance(0.1):  # for longer than changes are kept
                client.back = self.clock.ms + 70 * 60_000
        elif self.chance(0.3):
            self.sockets.stuck.add(client.connection)
        elif self.chance(0.5):
            self.store.close(client.connection)
            client.connection = ""

    def settle(self) -> None:
        """Everybody comes back, and all is told."""
        self.sockets.stuck.clear()
        for client in self.clients:
            if not client.connection:
                self._connect(client)
        while self.deliver():
            self.clock.ms += 500
        for client in self.clients:
            if not client.connection:
                self._connect(client)

    def agrees(self) -> None:
        """Each client knows what it may see, as it is."""
        for client in self.clients:
            collection = self.house.catalog.get(client.collection)
            wanted = {
                one.id: one.version
                for one in self.house.everything(collection)
                if client.may_see(one)
            }
            known = {record: one["version"] for record, one in client.known.items()}
            assert known == wanted, (client.name, client.collection, client.wanted)

    # ---- as a client does

    def _connect(self, client: Client) -> None:
        client.connection = f"c{next(self._numbers)}"
        lasts = self.clock.ms // 1000 + 30 * 86_400
        self.store.open(Connection(client.connection, Identity(), lasts))
        self._say(client, {"type": "auth", "token": client.name})
        asked = {"type": "subscribe", "id": "1", "collection": client.collection}
        asked |= {"filter": client.wanted} if client.wanted else {}
        asked |= {"cursor": client.cursor} if client.cursor else {}
        if self._say(client, asked) or not client.cursor or "cursor" not in asked:
            client.reloads += 1
            self._reload(client)
        else:
            client.resumed += 1

    def _say(self, client: Client, message: dict[str, Any]) -> bool:
        anew = False
        for frame in self.conversation.answers(client.connection, json.dumps(message)):
            anew = client.hear(frame) or anew
        return anew

    def _reload(self, client: Client) -> None:
        client.known.clear()
        cursor: str | None = ""
        while cursor is not None:
            asked = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
            page = self.house.records.list(WHO[client.name], client.collection, asked)
            for document in page.items:
                if FILTERS[client.wanted](document):
                    client.known[document["id"]] = document
            cursor = page.next

    def _hear(self) -> None:
        """What was posted arrives; a client whose socket was ended sees so."""
        by_connection = {client.connection: client for client in self.clients}
        for connection, frames in list(self.sockets.posted.items()):
            client = by_connection.get(connection)
            for frame in frames:
                if client is not None:
                    client.hear(json.loads(frame))
        self.sockets.posted.clear()
        for client in self.clients:
            if client.connection and self.store.get(client.connection) is None:
                self.sockets.stuck.discard(client.connection)
                client.connection = ""
