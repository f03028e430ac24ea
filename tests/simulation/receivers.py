"""Receivers of webhooks that fail, stall and are away for hours, held against the table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from covey.identity.sealing import Seal
from covey.outbound.client import Answer, Unreachable
from covey.records.model import ChangeKind
from covey.testing.webhooks import MemoryDeliveryStore, MemoryEndpointStore, MemoryTurns
from covey.webhooks.courier import Courier
from covey.webhooks.making import Making
from covey.webhooks.model import Endpoint, delivery_id
from covey.webhooks.secrecy import Secrecy
from covey.webhooks.sending import Sender
from covey.webhooks.signing import make_secret, message_id
from covey.webhooks.waking import Tick, Waker
from tests.simulation.faults import Chance, Clock, Killed, Mortal, Queue

URLS = ("https://sound.example/", "https://bad.example/", "https://away.example/")


class Receivers:
    """Three endpoints: one that is well, one that fails a third of the time, one away for hours."""

    def __init__(self, house: Any, clock: Clock, chance: Chance) -> None:
        self.house, self.clock, self.chance = house, clock, chance
        self.seen: dict[str, dict[str, Any]] = {url: {} for url in URLS}
        self.calls = self.killed = 0
        self.began = clock.ms
        self.queue = Queue(clock, chance)
        self.deliveries, self.endpoints = MemoryDeliveryStore(), MemoryEndpointStore()
        turns = MemoryTurns()
        secrecy = Secrecy(Seal(lambda: bytes(32)))
        for number, url in enumerate(URLS):
            secret = secrecy.close(f"e{number}", make_secret())
            kinds = (ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.DELETED)
            self.endpoints.add(Endpoint(f"e{number}", url, ("sales", "posts"), kinds, secret))
        deliveries = Mortal(self.deliveries, chance, 0.002)
        waker = Waker(self.queue, now=clock)
        self.making = Making(
            self.endpoints, deliveries, waker.wake, source="https://here.example", now=clock
        )
        self.courier = Courier(
            self.endpoints,
            deliveries,
            turns,
            Sender(self, secrecy, now=clock),
            waker,
            lambda endpoint, why: None,
            now=clock,
            chance=chance.dice.random,
            at_once=1,
        )
        self.tick = Tick(self.endpoints, self.deliveries, turns, waker, now=clock)
        self.last = 0

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """As `Outbound`: what a receiver does."""
        self.calls += 1
        self.clock.ms += self.chance.dice.randrange(5, 200)
        away = url == URLS[2] and (self.clock.ms - self.began) // 3_600_000 % 2 == 0
        if not self.chance.kind and away:
            raise Unreachable("nobody answers")
        if url == URLS[1] and self.chance(0.3):
            if self.chance(0.5):  # it took it, and says that it did not
                self._take(url, headers, body)
            return Answer(500, {}, b"")
        self._take(url, headers, body)
        if self.chance(0.005):
            raise Killed("before the answer was read")
        return Answer(204, {}, b"")

    def _take(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        event = json.loads(body)
        known = self.seen[url].setdefault(headers["webhook-id"], event)
        assert known == event, "one id is one event"

    def look(self) -> None:
        """What comes each minute."""
        if self.clock.ms - self.last >= 60_000:
            self.last = self.clock.ms
            self.tick.run()

    def work(self) -> None:
        """Whatever is due."""
        self.queue.deliver(
            lambda message: self.courier.run(message["endpoint"], lambda: True), most=3
        )

    def settle(self) -> None:
        """Receivers are well: all is delivered within days."""
        for _ in range(4 * 24 * 60):
            waiting = [self.deliveries.due(one.id, 1) for one in self.endpoints.all()]
            if not any(waiting):
                return
            due = min(max(one[0].due, one[0].claimed) for one in waiting if one)
            self.clock.ms = max(self.clock.ms + 60_000, due)
            self.look()
            while (at := self.queue.next) is not None and at <= self.clock.ms + 60_000:
                self.clock.ms = max(self.clock.ms, at)
                self.work()
        raise AssertionError("it was not all delivered in four days")

    def agrees(self, log: list[Any]) -> None:
        """Each delivery was seen under its id, and what is seen last of a record is the record."""
        for number, url in enumerate(URLS):
            wanted = {
                message_id(
                    delivery_id(
                        change.at,
                        f"e{number}",
                        f"{change.collection}/{change.id}/{change.sequence}",
                    )
                )
                for change in log
            }
            assert set(self.seen[url]) == wanted, url
            last: dict[str, Any] = {}
            for event in self.seen[url].values():
                newest = last.get(event["subject"])
                if newest is None or newest["sequence"] < event["sequence"]:
                    last[event["subject"]] = event
            there = {
                f"{collection.name}/{one.id}": one.version
                for collection in self.house.catalog.all()
                for one in self.house.everything(collection)
            }
            assert there == {
                subject: event["data"]["record"]["version"]
                for subject, event in last.items()
                if event["type"] != "covey.record.deleted"
            }
