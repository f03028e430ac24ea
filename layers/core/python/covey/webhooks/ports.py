"""Where endpoints, deliveries and the turns of workers are kept.

`covey.store.models.webhook` and `covey.store.deliveries` keep them in the table,
`covey.testing.webhooks` in memory; both pass the same tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from covey.webhooks.model import Delivery, Due, Endpoint, Health


class EndpointStore(Protocol):
    """Endpoints."""

    def add(self, endpoint: Endpoint) -> None:
        """Keep a new one."""
        ...

    def get(self, endpoint: str) -> Endpoint | None:
        """One, read consistently."""
        ...

    def all(self) -> Sequence[Endpoint]:
        """All of them, oldest first, read consistently."""
        ...

    def save(self, before: Endpoint, after: Endpoint) -> Endpoint | None:
        """Replace `before` if nobody did meanwhile: as saved, one revision on, or None."""
        ...

    def remove(self, endpoint: str) -> bool:
        """Forget one; False where there is none."""
        ...


class DeliveryStore(Protocol):
    """Deliveries, and the queue of those that are due, per endpoint.

    A delivery says itself when it is due; its place in the queue only leads there. So a place
    may be stale, and is then dropped by whoever meets it, but a pending delivery has one.
    """

    def add(self, deliveries: Iterable[Delivery]) -> int:
        """Keep and queue pending deliveries; how many are new. One that is known stays as it is,
        and has its place again if it is pending.
        """
        ...

    def keep(self, delivery: Delivery) -> None:
        """Keep one that waits for nothing."""
        ...

    def get(self, endpoint: str, delivery: str) -> Delivery | None:
        """One, read consistently."""
        ...

    def load(self, endpoint: str, deliveries: Sequence[str]) -> dict[str, Delivery]:
        """Those that there are, by id, read consistently."""
        ...

    def newest(self, endpoint: str, first: str, before: str, limit: int) -> Sequence[Delivery]:
        """At most `limit` with ids from `first` to just before `before`, newest first."""
        ...

    def oldest(self, endpoint: str, after: str, before: str, limit: int) -> Sequence[Delivery]:
        """At most `limit` with ids between the two, oldest first."""
        ...

    def due(self, endpoint: str, limit: int) -> Sequence[Due]:
        """The first places in the queue, by when they are due and then by sequence."""
        ...

    def claim(self, due: Due, now: int, until: int) -> bool:
        """Take a place until then; False where somebody has it, or it is gone."""
        ...

    def settle(self, before: Delivery, after: Delivery, due: Due) -> bool:
        """Put what came of an attempt, give up its place, and queue it anew if it is pending.

        False where the delivery is no more as `before`, which then changes nothing of it.
        """
        ...

    def again(self, before: Delivery, after: Delivery) -> bool:
        """Queue a delivery anew; False where it is no more as `before`."""
        ...

    def drop(self, due: Due) -> None:
        """Forget a place."""
        ...

    def requeue(self, delivery: Delivery) -> None:
        """Have a place for a pending delivery, if there is none."""
        ...


class Turns(Protocol):
    """Whose turn it is to work for an endpoint, and how the endpoint is."""

    def take(self, endpoint: str, now: int, until: int) -> Health | None:
        """The turn until then. None where another has it, who is then told to look again."""
        ...

    def pass_on(self, endpoint: str, before: Health, after: Health) -> bool:
        """Give the turn back and say how the endpoint is, if nobody asked meanwhile."""
        ...

    def read(self, endpoint: str) -> Health:
        """How it is, read consistently."""
        ...

    def heal(self, endpoint: str) -> None:
        """Forget its failures; a worker that has the turn looks again."""
        ...

    def forget(self, endpoint: str) -> None:
        """Forget all of it."""
        ...
