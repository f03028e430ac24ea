"""A write that is sent again is done once: what `Idempotency-Key` asks for.

After "The Idempotency-Key HTTP Header Field" (IETF draft, httpapi). A key belongs to its caller
and to one request, told by a fingerprint. Who takes a key holds it under a lease; the outcome is
kept in the transaction of the write itself, on the condition that the lease still is this
holder's. So a crash leaves either both or neither, and a holder that was too slow writes nothing.

    ticket = idempotency.begin(who, key, fingerprint)
    if ticket.outcome is None:
        records.create(…, also=lambda made: ticket.receipt(outcome_of(made)))
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol

from covey.errors import BadRequest, Conflict, Invalid, Unauthenticated
from covey.identity.principal import Kind, Principal

KEPT_SECONDS = 86_400
LEASE_SECONDS = 60  # longer than a function may take to answer (29 s)
WHOLE = ""  # the part that is the outcome of the request itself
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request was answered; `body` None where it was too large to be kept."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands under a key: whose request it is, and how it went, once that is known."""

    fingerprint: str
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Hold:
    """A key that is held: its `name`, the `token` of this holder, since and until when."""

    name: str
    token: str
    fingerprint: str
    since: int
    expires: int


class OutcomeStore(Protocol):
    """Where outcomes are kept; `covey.store.idempotency` and `covey.testing.idempotency`.

    Times are in seconds since the epoch.
    """

    def take(self, hold: Hold, lease: int) -> Standing | bool:
        """Hold a key until `lease`, or say what stands in the way.

        True where the key was free or had expired; False where the same request had held it
        and let its lease lapse, so that parts of it may have been kept.
        """
        ...

    def keep(self, hold: Hold, outcome: Outcome) -> bool:
        """Keep the outcome; False when the key is no longer held."""
        ...

    def release(self, hold: Hold) -> None:
        """Let anyone have the key, if it is still held."""
        ...

    def lapse(self, hold: Hold) -> None:
        """Let the same request have the key at once, if it is still held."""
        ...

    def receipt(self, hold: Hold, outcome: Outcome, part: str = WHOLE) -> dict[str, Any]:
        """The raw item of a transaction that keeps an outcome on condition.

        Of the whole: that the key is still held. Of a part: that it has not been kept before.
        """
        ...

    def parts(self, hold: Hold) -> Mapping[str, Outcome]:
        """The parts that have been kept."""
        ...


class Ticket:
    """One request under its key: to be done when `outcome` is None, else done before.

    `parts` are the outcomes of the parts that an earlier holder of the same request had done.
    """

    def __init__(
        self,
        store: OutcomeStore,
        hold: Hold,
        outcome: Outcome | None = None,
        parts: Mapping[str, Outcome] | None = None,
    ) -> None:
        self._store = store
        self._hold = hold
        self.outcome = outcome
        self.parts = parts or {}

    def receipt(self, outcome: Outcome, part: str = WHOLE) -> list[dict[str, Any]]:
        """Raw items for the transaction of the write."""
        return [self._store.receipt(self._hold, outcome, part)]

    def keep(self, outcome: Outcome) -> bool:
        """Keep an outcome without a write of its own; False when another holds the key."""
        return self._store.keep(self._hold, outcome)

    def release(self) -> None:
        """Nothing was done, and the key may be used for something else."""
        self._store.release(self._hold)

    def lapse(self) -> None:
        """It failed, and the same request may be tried again at once."""
        self._store.lapse(self._hold)


class Idempotency:
    """Keys and what came of them."""

    def __init__(self, store: OutcomeStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def begin(self, who: Principal, key: str, fingerprint: str) -> Ticket:
        """Take the key for this request.

        Raises BadRequest ``invalid_idempotency_key``; Unauthenticated for a guest, as guests
        behind one address could read each other's answers; Invalid ``idempotency_key_reused``
        for a key of another request; Conflict ``idempotency_in_progress`` with Retry-After.
        """
        if _KEY.fullmatch(key) is None:
            raise BadRequest(
                "Idempotency-Key takes 1 to 255 visible ASCII characters.",
                code="invalid_idempotency_key",
            )
        if who.kind is Kind.GUEST:
            raise Unauthenticated("Sign in to send an Idempotency-Key.")
        now = int(self._clock())
        hold = Hold(_name(who, key), secrets.token_hex(8), fingerprint, now, now + KEPT_SECONDS)
        standing = self._store.take(hold, now + LEASE_SECONDS)
        if isinstance(standing, bool):
            return Ticket(self._store, hold, parts=None if standing else self._store.parts(hold))
        if standing.fingerprint != fingerprint:
            raise Invalid(
                "This Idempotency-Key was sent with another request.",
                code="idempotency_key_reused",
            )
        if standing.outcome is None:
            raise in_progress()
        return Ticket(self._store, hold, standing.outcome)


def in_progress() -> Conflict:
    """The error for a key whose request is still being done."""
    return Conflict(
        "The request of this Idempotency-Key is still running.",
        code="idempotency_in_progress",
        headers={"Retry-After": "1"},
    )


def fingerprint_of(*parts: bytes | str) -> str:
    """What tells one request from another: a digest of its parts and where each ends."""
    digest = blake2b(digest_size=20)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()


def _name(who: Principal, key: str) -> str:
    return fingerprint_of(who.scope, key)
