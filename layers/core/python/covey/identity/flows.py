"""Sign-ins under way: something was asked for, and the browser that asked may answer it.

The browser holds a flow, 256 random bits; what it stands for is kept under its hash. Whoever
answers has a few guesses, counted by condition before each is looked at, and a flow is finished
by exactly one caller. So a code of six digits serves: it is good only with its flow.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from covey.errors import Unauthenticated
from covey.identity.challenges import Purpose

GUESSES = 5

CODE = Purpose("code", 600)
MAGIC = Purpose("magic", 900)
SECOND_FACTOR = Purpose("second_factor", 600)

_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")


class FlowStore(Protocol):
    """Flows by the hash of their name; gone after `expires`, in seconds since the epoch."""

    def keep(self, name: str, value: Mapping[str, Any], expires: int) -> bool:
        """Begin a flow, or give it another value; False, changing nothing, for a finished one.

        Guesses that were counted stay counted.
        """
        ...

    def guess(self, name: str, limit: int, now: int) -> Mapping[str, Any] | None:
        """Count a guess, and answer what the flow stands for.

        None, counting nothing, where there is no such flow, or it is over or finished, or where
        `limit` guesses are counted.
        """
        ...

    def finish(self, name: str) -> bool:
        """End a flow; True for one caller alone."""
        ...


class Flows:
    """Begins, answers and finishes flows."""

    def __init__(self, store: FlowStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def new(self) -> str:
        """A name for a flow, which nothing is kept of yet."""
        return secrets.token_urlsafe(32)

    def until(self, purpose: Purpose) -> int:
        """When a flow that begins now is over, in seconds since the epoch."""
        return int(self._clock()) + purpose.seconds

    def begin(self, purpose: Purpose, flow: str, value: Mapping[str, Any], until: int) -> bool:
        """Keep what `flow` stands for; False where it is over or finished."""
        if until <= self._clock():
            return False
        return self._store.keep(_hash(purpose, flow), value, until)

    def guess(self, purpose: Purpose, flow: str) -> Mapping[str, Any]:
        """What `flow` stands for, for one of its guesses; raises Unauthenticated."""
        kept = None
        if _SHAPE.fullmatch(flow):
            kept = self._store.guess(_hash(purpose, flow), GUESSES, int(self._clock()))
        if kept is None:
            raise over()
        return kept

    def finish(self, purpose: Purpose, flow: str) -> None:
        """End the flow; raises Unauthenticated for all callers but one."""
        if not self._store.finish(_hash(purpose, flow)):
            raise over()


def seal(flow: str, secret: str) -> str:
    """What is kept of a flow's own secret: without the flow, nobody can try secrets on it."""
    return hmac.new(flow.encode(), secret.encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def over() -> Unauthenticated:
    """The one answer to a flow or a secret that does not hold."""
    return Unauthenticated(
        "This link or code does not hold: it is wrong, used, or too old.", code="invalid_token"
    )


def _hash(purpose: Purpose, flow: str) -> str:
    return hashlib.sha256(f"{purpose.name}:{flow}".encode()).hexdigest()
