"""What was delivered, and what not: looked at, sent again, tried out."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from covey import json
from covey.errors import Conflict, NotFound
from covey.identity.audit import Audit
from covey.identity.ports import NOWHERE, Place
from covey.identity.principal import Principal
from covey.records.ids import first_of
from covey.records.time import rfc3339
from covey.webhooks.endpoints import Endpoints
from covey.webhooks.model import TEST, Delivery, Endpoint, Status, delivery_id
from covey.webhooks.ports import DeliveryStore
from covey.webhooks.sending import Sender

EXAMINED = 1_000  # deliveries that one look goes through, for those of a status
PAGE = 100
LAST = "~"  # after every id
DECISIVE = 33  # characters: one more than an id has
ALREADY = "The delivery has changed meanwhile. Try again."


@dataclass(frozen=True, slots=True)
class Sought:
    """Which deliveries: of a status, made from `since` to just before `until` (milliseconds)."""

    status: Status | None = None
    since: int = 0
    until: int | None = None

    @property
    def first(self) -> str:
        """What the ids begin from."""
        return first_of(self.since)

    @property
    def last(self) -> str:
        """What the ids are before."""
        return LAST if self.until is None else first_of(self.until)


class Deliveries:
    """The log of an endpoint, for who may manage it."""

    def __init__(
        self,
        endpoints: Endpoints,
        store: DeliveryStore,
        sender: Sender,
        audit: Audit,
        wake: Callable[[str], None],
        *,
        source: str,
        now: Callable[[], int],
    ) -> None:
        self._endpoints = endpoints
        self._store = store
        self._sender = sender
        self._audit = audit
        self._wake = wake
        self._source = source
        self._now = now

    def newest(
        self, who: Principal, endpoint: str, sought: Sought, before: str, limit: int
    ) -> tuple[Sequence[Delivery], str | None]:
        """At most `limit`, newest first, and where to go on, or None at the end."""
        found: list[Delivery] = []
        known = self._endpoints.get(who, endpoint)
        # Of a longer text no more decides, and the table refuses what is no key.
        place = min(before[:DECISIVE], sought.last) if before else sought.last
        for _ in range(EXAMINED // PAGE):
            page = self._store.newest(known.id, sought.first, place, PAGE)
            for one in page:
                place = one.id
                if sought.status in (None, one.status) and _may_see(who, one):
                    found.append(one)
                    if len(found) == limit:
                        return found, place
            if len(page) < PAGE:
                return found, None
        return found, place

    def get(self, who: Principal, endpoint: str, delivery: str) -> Delivery:
        """One; raises NotFound."""
        return self._get(who, self._endpoints.get(who, endpoint), delivery)

    def replay(
        self, who: Principal, endpoint: str, delivery: str, place: Place = NOWHERE
    ) -> Delivery:
        """Send it once more, as it was, under the same id; all retries begin anew."""
        known = enabled(self._endpoints.get(who, endpoint))
        before = self._get(who, known, delivery)
        after = before.again(self._now())
        if not self._store.again(before, after):
            raise Conflict(ALREADY)
        self._wake(known.id)
        told = {"webhook": known.id, "delivery": before.id}
        self._audit.note("webhook_replayed", "", place, actor=who.id, **told)
        return after

    def test(self, who: Principal, endpoint: str, place: Place = NOWHERE) -> Delivery:
        """One attempt with an event of a type of its own, enabled or not: what came of it."""
        known = self._endpoints.get(who, endpoint)
        now = self._now()
        event = {
            "specversion": "1.0",
            "id": secrets.token_hex(16),
            "source": self._source,
            "type": TEST,
            "time": rfc3339(now),
            "datacontenttype": "application/json",
            "data": {"webhook": known.id},
        }
        delivery = Delivery(
            endpoint=known.id,
            id=delivery_id(now, known.id, event["id"]),  # type: ignore[arg-type]
            type=TEST,
            payload=json.encode(event),
            created=now,
        )
        attempt = self._sender.attempt(known, delivery)
        status = Status.DELIVERED if attempt.succeeded else Status.FAILED
        made = delivery.tried(attempt, status)
        self._store.keep(made)
        self._audit.note("webhook_tested", "", place, actor=who.id, webhook=known.id)
        return made

    def _get(self, who: Principal, endpoint: Endpoint, delivery: str) -> Delivery:
        found = self._store.get(endpoint.id, delivery) if is_delivery_id(delivery) else None
        if found is None or not _may_see(who, found):
            raise NotFound("delivery")
        return found


def enabled(endpoint: Endpoint) -> Endpoint:
    """The endpoint; raises Conflict where it is disabled, as nothing would be sent."""
    if not endpoint.enabled:
        raise Conflict("The webhook is disabled.", code="webhook_disabled")
    return endpoint


def is_delivery_id(text: str) -> bool:
    """Whether a text has the shape of a delivery's id."""
    return len(text) == 32 and text.isascii() and text.isalnum() and text == text.lower()


def _may_see(who: Principal, delivery: Delivery) -> bool:
    """An endpoint may have had other collections once."""
    return (
        who.scopes is None
        or not delivery.collection
        or (who.scopes.allow("read", delivery.collection))
    )
