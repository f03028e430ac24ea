"""Who works next, and when: messages that say no more than which endpoint to look at.

What is to be done stands in the table. A message that is lost costs a minute, until the tick; one
too many costs a look.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from covey.webhooks.ports import DeliveryStore, EndpointStore, Turns

AHEAD = 60_000  # milliseconds; the next tick sees to what is due later
_log = logging.getLogger(__name__)


class Queue(Protocol):
    """Messages; `covey.aws.queues.SqsJobQueue`."""

    def send(self, body: Mapping[str, Any], delay_s: int = 0) -> None:
        """Queue a message of JSON."""
        ...


class Waker:
    """Has endpoints worked for."""

    def __init__(self, queue: Queue, *, now: Callable[[], int]) -> None:
        self._queue = queue
        self._now = now

    def wake(self, endpoint: str, at: int = 0) -> None:
        """Have it looked at, at that millisecond or a little later.

        A queue that is away fails nothing: what is to be done is kept, and the tick finds it.
        """
        ahead = max(0, at - self._now())
        try:
            self._queue.send({"endpoint": endpoint}, delay_s=min(900, -(-ahead // 1000)))
        except Exception:  # noqa: BLE001 - of whichever queue
            _log.exception("webhook %s waits for the tick", endpoint)


class Tick:
    """Each minute: wakes workers for whatever is due until the next one."""

    def __init__(
        self,
        endpoints: EndpointStore,
        deliveries: DeliveryStore,
        turns: Turns,
        waker: Waker,
        *,
        now: Callable[[], int],
    ) -> None:
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._turns = turns
        self._waker = waker
        self._now = now

    def run(self) -> int:
        """How many endpoints there is something to do for; one that fails holds up no other."""
        woken = 0
        for endpoint in self._endpoints.all():
            if not endpoint.enabled:
                continue
            try:
                at = self.due(endpoint.id)
                if at is not None:
                    self._waker.wake(endpoint.id, at)
                    woken += 1
            except Exception:  # noqa: BLE001 - whatever it is, the others must go on
                _log.exception("webhook %s was not looked at", endpoint.id)
        return woken

    def due(self, endpoint: str) -> int | None:
        """When to work for it within the next minute, in milliseconds; None for not."""
        first = self._deliveries.due(endpoint, 1)
        if not first:
            return None
        at = max(first[0].due, first[0].claimed)
        if at <= self._now() + AHEAD:
            at = max(at, self._turns.read(endpoint).not_before)
        return at if at <= self._now() + AHEAD else None
