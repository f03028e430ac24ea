"""Webhooks over simulated time: the real consumer, worker and tick, and a queue that knows delays.

What takes three days for receivers takes a moment here; nothing sleeps.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from covey.collections.model import Collection
from covey.identity.sealing import Seal
from covey.outbound.client import Outbound
from covey.records.model import Change, ChangeKind, Record
from covey.webhooks.courier import Courier
from covey.webhooks.making import Making
from covey.webhooks.model import Endpoint
from covey.webhooks.ports import DeliveryStore, EndpointStore, Turns
from covey.webhooks.secrecy import Secrecy
from covey.webhooks.sending import Sender
from covey.webhooks.signing import make_secret
from covey.webhooks.waking import Tick, Waker

MINUTE = 60_000
START = 1_800_000_000_000


@dataclass
class Clock:
    """Milliseconds that go on when they are told to."""

    ms: int = START

    def __call__(self) -> int:
        """The time."""
        return self.ms


@dataclass
class Later:
    """A queue of messages by when they are to be seen."""

    clock: Clock
    waiting: list[tuple[int, int, dict[str, Any]]] = field(default_factory=list)
    _number: Any = field(default_factory=count)

    def send(self, body: Mapping[str, Any], delay_s: int = 0) -> None:
        """Queue a message."""
        assert 0 <= delay_s <= 900  # noqa: S101 - as SQS has it
        at = self.clock.ms + delay_s * 1000
        heapq.heappush(self.waiting, (at, next(self._number), dict(body)))

    def next(self) -> int | None:
        """When the next message is to be seen."""
        return self.waiting[0][0] if self.waiting else None

    def take(self) -> list[dict[str, Any]]:
        """What is to be seen by now."""
        taken = []
        while self.waiting and self.waiting[0][0] <= self.clock.ms:
            taken.append(heapq.heappop(self.waiting)[2])
        return taken


class Deployment:
    """All of webhooks but its API, over these stores."""

    def __init__(
        self,
        endpoints: EndpointStore,
        deliveries: DeliveryStore,
        turns: Turns,
        outbound: Outbound,
        *,
        chance: Callable[[], float] = lambda: 0.5,
        at_once: int = 8,
        tick_every: int = MINUTE,
    ) -> None:
        self.clock = Clock()
        self.queue = Later(self.clock)
        self.endpoints, self.deliveries, self.turns = endpoints, deliveries, turns
        self.secrecy = Secrecy(Seal(lambda: bytes(32)))
        self.waker = Waker(self.queue, now=self.clock)
        self.disabled: list[tuple[str, str]] = []
        self.making = Making(
            endpoints, deliveries, self.waker.wake, source="urn:covey", now=self.clock
        )
        self.sender = Sender(outbound, self.secrecy, now=self.clock)
        self.courier = Courier(
            endpoints,
            deliveries,
            turns,
            self.sender,
            self.waker,
            self._disable,
            now=self.clock,
            chance=chance,
            at_once=at_once,
        )
        self.tick = Tick(endpoints, deliveries, turns, self.waker, now=self.clock)
        self.attempts = 0
        self._ticked = self.clock.ms
        self._tick_every = tick_every

    def endpoint(self, name: str, url: str = "", **more: Any) -> tuple[Endpoint, str]:
        """An endpoint of all changes of posts, and its secret."""
        secret = make_secret()
        every = tuple(ChangeKind)
        made = Endpoint(name, url or f"https://{name}.example/", ("posts",), every, "")
        made = replace(made, secret=self.secrecy.close(name, secret), **more)
        self.endpoints.add(made)
        return made, secret

    def change(self, collection: Collection, changes: Sequence[Change]) -> None:
        """A batch of the stream."""
        self.making.apply(collection, changes)

    def work(self) -> None:
        """All messages that are to be seen by now, and those that come of them."""
        while messages := self.queue.take():
            for message in messages:
                self.attempts += self.courier.run(message["endpoint"], lambda: True)

    def until(self, ms: int) -> None:
        """Go on to that time, with a tick now and then: each minute unless said else."""
        self.work()
        while self.clock.ms < ms:
            ahead = (self._ticked + self._tick_every, self.queue.next(), ms)
            self.clock.ms = max(self.clock.ms, min(at for at in ahead if at is not None))
            if self.clock.ms >= self._ticked + self._tick_every:
                self._ticked = self.clock.ms
                self.tick.run()
            self.work()

    def _disable(self, endpoint: Endpoint, why: str) -> None:
        if self.endpoints.save(endpoint, replace(endpoint, enabled=False, disabled=why)):
            self.disabled.append((endpoint.id, why))


def written(record: str, version: int, sequence: int, at: int) -> Change:
    """A version of a post, as the stream tells of it."""
    after = Record(record, at, at, version, {"number": sequence})
    kind = ChangeKind.CREATED if version == 1 else ChangeKind.UPDATED
    before = None if version == 1 else Record(record, at, at, version - 1, {})
    return Change("posts", record, version, kind, before, after, str(sequence), at)
