"""An endpoint, a delivery to it, an attempt at that, and how an endpoint is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from covey.records.ids import RANDOM_BITS, text_of
from covey.records.model import ChangeKind

KEPT_S = 30 * 86_400
MAX_ATTEMPTS_KEPT = 15
TEST = "covey.webhook.test"  # the type of the event of a test


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that is told of changes.

    `secret`, `previous` and the values of `headers` are sealed. `previous` signs as well until
    `previous_until` (milliseconds). `disabled` says why Covey itself disabled it. `maker` is the
    user who made it, or nothing where that was a key of the service.
    """

    id: str
    url: str
    collections: tuple[str, ...]
    kinds: tuple[ChangeKind, ...]
    secret: str = field(repr=False)
    filter: str = ""
    description: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    enabled: bool = True
    disabled: str = ""
    previous: str = field(default="", repr=False)
    previous_until: int = 0
    maker: str = ""
    created: int = 0
    updated: int = 0
    revision: int = 1

    @property
    def etag(self) -> str:
        """The strong entity tag of this revision."""
        return f'"{self.revision}"'


class Status(StrEnum):
    """How far a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request: when, for how long (milliseconds), and what came back.

    `status` is 0 where there was no answer, and `error` why. `body` is the beginning of the
    answer's; `cut` why that is not whole.
    """

    at: int
    ms: int
    url: str
    status: int = 0
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    cut: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the receiver took it: 2xx alone, as a redirect leads elsewhere."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one endpoint.

    `id` is what receivers know it by, over all attempts and replays. `due` is the millisecond of
    the next attempt, while it is pending. `tries` counts attempts since it was last asked for,
    `made` all of them; `attempts` are the first and the newest.
    """

    endpoint: str
    id: str
    type: str
    payload: str
    collection: str = ""
    record: str = ""
    sequence: str = ""
    created: int = 0
    status: Status = Status.PENDING
    due: int = 0
    tries: int = 0
    made: int = 0
    attempts: tuple[Attempt, ...] = ()

    def tried(self, attempt: Attempt, status: Status, due: int = 0) -> Delivery:
        """After one attempt more; `due` is when the next is, if it is still pending."""
        kept = (*self.attempts, attempt)
        if len(kept) > MAX_ATTEMPTS_KEPT:
            kept = (kept[0], *kept[-MAX_ATTEMPTS_KEPT + 1 :])
        return replace(
            self,
            status=status,
            due=due,
            tries=self.tries + 1,
            made=self.made + 1,
            attempts=kept,
        )

    def again(self, due: int) -> Delivery:
        """Asked for anew."""
        return replace(self, status=Status.PENDING, due=due, tries=0)

    @property
    def expires(self) -> int:
        """Until when it is kept, in seconds."""
        return self.created // 1000 + KEPT_S


@dataclass(frozen=True, slots=True)
class Due:
    """A place in the queue of an endpoint; `claimed` is until when somebody is at it."""

    endpoint: str
    due: int
    sequence: str
    id: str
    claimed: int = 0


def due_of(delivery: Delivery) -> Due:
    """The place of a pending delivery."""
    return Due(delivery.endpoint, delivery.due, delivery.sequence, delivery.id)


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint is, and who works for it.

    `failures` are those since the last success, `since` when the first of them was. `pauses`
    counts how often in a row it was left alone, `not_before` is until when. `lease` is until when
    a worker has it, `wakes` how often others asked meanwhile, `wake_at` when a worker was last
    asked for ahead of time. All times in milliseconds.
    """

    failures: int = 0
    since: int = 0
    pauses: int = 0
    not_before: int = 0
    lease: int = 0
    wakes: int = 0
    wake_at: int = 0


def delivery_id(at: int, *parts: str) -> str:
    """An id by time and then by what the delivery is: the same whenever it is made.

    20 characters as those of records, so that ids are in the order of time, and 12 more: a busy
    second has so many deliveries that 52 bits would let two of them meet.
    """
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    number = at << RANDOM_BITS | int.from_bytes(digest[:8], "big") >> 64 - RANDOM_BITS
    return text_of(number) + digest[8:14].hex()
