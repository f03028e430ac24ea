"""Endpoints, deliveries and turns in memory, for tests; they pass those of the real stores."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from covey.outbound.client import Answer
from covey.webhooks.model import Delivery, Due, Endpoint, Health, Status, due_of


class MemoryEndpointStore:
    """The port `EndpointStore`."""

    def __init__(self) -> None:
        self._kept: dict[str, Endpoint] = {}
        self._lock = threading.Lock()

    def add(self, endpoint: Endpoint) -> None:
        """Keep a new one."""
        self._kept[endpoint.id] = endpoint

    def get(self, endpoint: str) -> Endpoint | None:
        """One."""
        return self._kept.get(endpoint)

    def all(self) -> Sequence[Endpoint]:
        """All."""
        return [self._kept[name] for name in sorted(self._kept)]

    def save(self, before: Endpoint, after: Endpoint) -> Endpoint | None:
        """Replace it if nobody did."""
        with self._lock:
            known = self._kept.get(before.id)
            if known is None or known.revision != before.revision:
                return None
            saved = replace(after, revision=before.revision + 1)
            self._kept[before.id] = saved
            return saved

    def remove(self, endpoint: str) -> bool:
        """Forget one."""
        return self._kept.pop(endpoint, None) is not None


class MemoryDeliveryStore:
    """The port `DeliveryStore`."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Delivery] = {}
        self._queue: dict[Due, int] = {}
        self._lock = threading.RLock()

    def add(self, deliveries: Iterable[Delivery]) -> int:
        """Keep and queue what is new."""
        return sum(self._add(one) for one in deliveries)

    def _add(self, delivery: Delivery) -> bool:
        with self._lock:
            new = (delivery.endpoint, delivery.id) not in self._kept
            known = self._kept.setdefault((delivery.endpoint, delivery.id), delivery)
            if known.status is Status.PENDING:
                self.requeue(known)
            return new

    def keep(self, delivery: Delivery) -> None:
        """Keep one."""
        self._kept[delivery.endpoint, delivery.id] = delivery

    def get(self, endpoint: str, delivery: str) -> Delivery | None:
        """One."""
        return self._kept.get((endpoint, delivery))

    def load(self, endpoint: str, deliveries: Sequence[str]) -> dict[str, Delivery]:
        """Those that there are."""
        found = {one: self.get(endpoint, one) for one in deliveries}
        return {name: one for name, one in found.items() if one is not None}

    def newest(self, endpoint: str, first: str, before: str, limit: int) -> Sequence[Delivery]:
        """The newest of a range."""
        found = [one for one in self._of(endpoint) if first <= one.id < before]
        return found[::-1][:limit]

    def oldest(self, endpoint: str, after: str, before: str, limit: int) -> Sequence[Delivery]:
        """The oldest of a range."""
        return [one for one in self._of(endpoint) if after < one.id < before][:limit]

    def _of(self, endpoint: str) -> list[Delivery]:
        return [self._kept[key] for key in sorted(self._kept) if key[0] == endpoint]

    def due(self, endpoint: str, limit: int) -> Sequence[Due]:
        """The first places."""
        with self._lock:
            places = [one for one in self._queue if one.endpoint == endpoint]
            places.sort(key=lambda one: (one.due, one.sequence.zfill(40), one.id))
            return [replace(one, claimed=self._queue[one]) for one in places[:limit]]

    def claim(self, due: Due, now: int, until: int) -> bool:
        """Take a place."""
        place = replace(due, claimed=0)
        with self._lock:
            if self._queue.get(place, now + 1) > now:
                return False
            self._queue[place] = until
            return True

    def settle(self, before: Delivery, after: Delivery, due: Due) -> bool:
        """Put what came of an attempt."""
        with self._lock:
            if not self.again(before, after):
                return False
            self.drop(due)
            return True

    def again(self, before: Delivery, after: Delivery) -> bool:
        """Queue it anew."""
        key = (before.endpoint, before.id)
        with self._lock:
            known = self._kept.get(key)
            if known is None or (known.status, known.due) != (before.status, before.due):
                return False
            self._kept[key] = after
            if after.status is Status.PENDING:
                self.requeue(after)
            return True

    def drop(self, due: Due) -> None:
        """Forget a place."""
        with self._lock:
            self._queue.pop(replace(due, claimed=0), None)

    def requeue(self, delivery: Delivery) -> None:
        """Have a place."""
        with self._lock:
            self._queue.setdefault(due_of(delivery), 0)


class MemoryTurns:
    """The port `Turns`."""

    def __init__(self) -> None:
        self._kept: dict[str, Health] = {}
        self._lock = threading.Lock()

    def take(self, endpoint: str, now: int, until: int) -> Health | None:
        """The turn."""
        with self._lock:
            known = self.read(endpoint)
            if known.lease > now:
                self._kept[endpoint] = replace(known, wakes=known.wakes + 1)
                return None
            self._kept[endpoint] = replace(known, lease=until)
            return self._kept[endpoint]

    def pass_on(self, endpoint: str, before: Health, after: Health) -> bool:
        """Give it back."""
        with self._lock:
            known = self.read(endpoint)
            if (known.lease, known.wakes) != (before.lease, before.wakes):
                return False
            self._kept[endpoint] = replace(after, lease=0, wakes=known.wakes)
            return True

    def read(self, endpoint: str) -> Health:
        """How it is."""
        return self._kept.get(endpoint, Health())

    def heal(self, endpoint: str) -> None:
        """Forget its failures."""
        with self._lock:
            known = self.read(endpoint)
            self._kept[endpoint] = Health(
                lease=known.lease, wakes=known.wakes + 1, wake_at=known.wake_at
            )

    def forget(self, endpoint: str) -> None:
        """Forget it."""
        self._kept.pop(endpoint, None)


class ScriptedOutbound:
    """The port `covey.outbound.client.Outbound`: does what `answer` does, and keeps the calls."""

    def __init__(self, status: int = 204, **headers: str) -> None:
        self.calls: list[tuple[str, str, Mapping[str, str], bytes]] = []
        self.status = status
        self.headers = headers

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Keep it, and answer."""
        self.calls.append((method, url, headers, body))
        return self.answer(url, headers, body)

    def answer(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What is answered; tests override it."""
        told = {name.replace("_", "-"): value for name, value in self.headers.items()}
        return Answer(self.status, told, b"")
