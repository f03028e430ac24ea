"""All that is due for an endpoint, sent by one worker at a time.

A worker takes the endpoint's turn, so that however many messages come, one worker calls this
receiver, by a few threads. It stops when its time is over, when nothing is due, or when the
receiver fails so often that it is better left alone: nobody else's deliveries wait for it.

The changes of one record stay in one thread, one after the other: their first attempts are made
in their order. An attempt that failed is made again later, when others may have overtaken it.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property

from covey.webhooks.model import Attempt, Delivery, Due, Endpoint, Health, Status
from covey.webhooks.ports import DeliveryStore, EndpointStore, Turns
from covey.webhooks.retrying import GONE, Circuit, is_lost, next_try
from covey.webhooks.sending import Sender
from covey.webhooks.waking import AHEAD, Waker

AT_ONCE = 8  # requests to one endpoint
BATCH = 100  # places of the queue that are read together
# A turn outlasts a slice (20 s) and the attempt that it began last; so does a claim.
TURN_MS = 60_000
_log = logging.getLogger(__name__)

Disable = Callable[[Endpoint, str], None]


class Courier:
    """Delivers. `disable` is called for an endpoint that wants or takes nothing more."""

    def __init__(
        self,
        endpoints: EndpointStore,
        deliveries: DeliveryStore,
        turns: Turns,
        sender: Sender,
        waker: Waker,
        disable: Disable,
        *,
        now: Callable[[], int],
        chance: Callable[[], float] = random.random,
        at_once: int = AT_ONCE,
    ) -> None:
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._turns = turns
        self._sender = sender
        self._waker = waker
        self._disable = disable
        self._now = now
        self._chance = chance
        self._at_once = at_once

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        # They stay: each has a connection to the database, whose opening costs more than a call.
        return ThreadPoolExecutor(self._at_once, thread_name_prefix="covey-webhook")

    def run(self, endpoint_id: str, time_left: Callable[[], bool]) -> int:
        """Send what is due; how many attempts were made."""
        now = self._now()
        turn = self._turns.take(endpoint_id, now, now + TURN_MS)
        made = 0
        while turn is not None:
            endpoint = self._endpoints.get(endpoint_id)
            if endpoint is None:
                self._turns.forget(endpoint_id)
                return made
            if not endpoint.enabled:
                turn = self._pass_on(endpoint_id, turn, turn)
                continue
            shift = _Shift(endpoint, Circuit(turn, self._chance), time_left)
            try:
                made += self._work(shift)
            finally:
                self._look_after(shift)
                turn = self._leave(shift, turn)
        return made

    # ---- one shift: a worker with a turn

    def _work(self, shift: _Shift) -> int:
        """Send until nothing is due, or no more is to be sent now."""
        made = 0
        while shift.goes_on(self._now()):
            now = self._now()
            due = [
                one
                for one in self._deliveries.due(shift.endpoint.id, BATCH)
                if one.due <= now and one.claimed <= now
            ]
            if not due:
                break
            made += self._send_all(shift, due)
        return made

    def _send_all(self, shift: _Shift, due: Sequence[Due]) -> int:
        known = self._deliveries.load(shift.endpoint.id, [one.id for one in due])
        lanes: dict[str, list[Due]] = {}
        for one in due:
            delivery = known.get(one.id)
            if delivery is None or delivery.status is not Status.PENDING:
                self._deliveries.drop(one)
            elif delivery.due != one.due:  # it was put off by who then had no time to say so
                self._deliveries.requeue(delivery)
                self._deliveries.drop(one)
            else:
                lanes.setdefault(f"{delivery.collection}/{delivery.record}", []).append(one)
        work = [self._threads.submit(self._lane, shift, lane, known) for lane in lanes.values()]
        failures = [one.exception() for one in work]
        if failure := next(filter(None, failures), None):
            raise failure
        return sum(one.result() for one in work)

    def _lane(self, shift: _Shift, lane: Iterable[Due], known: dict[str, Delivery]) -> int:
        """The deliveries of one record, one after the other."""
        made = 0
        for due in lane:
            if not shift.goes_on(self._now()) or not shift.circuit.enter(self._now()):
                break
            attempt: Attempt | None = None
            try:
                now = self._now()
                if self._deliveries.claim(due, now, now + TURN_MS):
                    attempt = self._sender.attempt(shift.endpoint, known[due.id])
                    made += 1
                    self._settle(shift, known[due.id], attempt, due)
            finally:
                shift.tell(self._now(), attempt)
        return made

    def _settle(self, shift: _Shift, before: Delivery, attempt: Attempt, due: Due) -> None:
        now = self._now()
        if attempt.succeeded:
            after = before.tried(attempt, Status.DELIVERED)
        else:
            at = None
            if attempt.status != GONE:
                at = next_try(before.tries + 1, now, attempt, self._chance)
            status = Status.FAILED if at is None else Status.PENDING
            after = before.tried(attempt, status, at or 0)
        if not self._deliveries.settle(before, after, due):
            _log.info("delivery %s was asked for again meanwhile", before.id)
            self._deliveries.drop(due)

    def _look_after(self, shift: _Shift) -> None:
        """Disable an endpoint that wants nothing more, or has taken nothing for days."""
        if shift.gone:
            self._disable(shift.endpoint, "gone")
        elif shift.failed and is_lost(shift.circuit.health, self._now()):
            self._disable(shift.endpoint, "failing")

    def _leave(self, shift: _Shift, before: Health) -> Health | None:
        """Pass the turn on, and have the next worker come in time; as `_pass_on`."""
        now, health = self._now(), shift.circuit.health
        at = self._next(shift.endpoint.id, health)
        if at is None or now < health.wake_at <= at:
            return self._pass_on(shift.endpoint.id, before, health)
        turn = self._pass_on(shift.endpoint.id, before, replace(health, wake_at=max(at, now)))
        if turn is not None:  # nobody is woken yet: who leaves at last does it
            return replace(turn, wake_at=health.wake_at)
        self._waker.wake(shift.endpoint.id, at)
        return None

    def _pass_on(self, endpoint: str, before: Health, after: Health) -> Health | None:
        """Give the turn back. How the endpoint is, where somebody asked meanwhile and it is to
        be looked at again; None where that is another's affair.
        """
        if self._turns.pass_on(endpoint, before, replace(after, lease=0)):
            return None
        found = self._turns.read(endpoint)
        if found.lease != before.lease:
            return None
        # What was learned stays, unless somebody healed the endpoint.
        healed = before.failures and not found.failures
        return found if healed else replace(after, lease=found.lease, wakes=found.wakes)

    def _next(self, endpoint: str, health: Health) -> int | None:
        """When there is something to do within the next minute, after which a tick comes."""
        now = self._now()
        places = self._deliveries.due(endpoint, BATCH)
        at = min((max(one.due, one.claimed) for one in places), default=None)
        if at is None:
            return None
        at = max(at, health.not_before)
        return at if at <= now + AHEAD else None


class _Shift:
    """What the threads of one worker share."""

    def __init__(self, endpoint: Endpoint, circuit: Circuit, time_left: Callable[[], bool]) -> None:
        self.endpoint = endpoint
        self.circuit = circuit
        self.time_left = time_left
        self.gone = False
        self.failed = False

    def goes_on(self, now: int) -> bool:
        """Whether another attempt may be thought of."""
        return not self.gone and self.time_left() and now >= self.circuit.health.not_before

    def tell(self, now: int, attempt: Attempt | None) -> None:
        """What came of an attempt; None where it was not made."""
        if attempt is None:
            self.circuit.gave_up()
        elif attempt.succeeded:
            self.circuit.succeeded()
        else:
            self.failed = True
            self.gone = self.gone or attempt.status == GONE
            self.circuit.failed(now, attempt)
