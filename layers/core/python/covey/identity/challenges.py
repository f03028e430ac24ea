"""Secrets that prove something once: links in mail, states of a sign-in under way.

What a secret stands for is kept under its hash with a time-out, and is taken, not read: of many
that come with one secret a single one gets it (`RecordStore.put_once` and `take`).
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from covey.errors import Unauthenticated

_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")


class SingleUse(Protocol):
    """The part of `covey.records.ports.RecordStore` that challenges need."""

    def put_once(self, key: str, value: Mapping[str, Any], expires: int) -> bool:
        """Keep a value until `expires` (seconds); False when the key is in use."""
        ...

    def take(self, key: str) -> dict[str, Any] | None:
        """The value for exactly one caller, None for the others and when late."""
        ...


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a secret is good for, and for how long: one for another purpose is no secret."""

    name: str
    seconds: int

    @property
    def lifetime(self) -> str:
        """For people: ``15 minutes``, ``2 hours``, ``3 days``."""
        for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
            if self.seconds % length == 0:
                count = self.seconds // length
                return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
        return f"{self.seconds} seconds"


VERIFY = Purpose("verify", 3 * 86_400)
RESET = Purpose("reset", 3_600)
CHANGE_EMAIL = Purpose("change_email", 3_600)


class Challenges:
    """Hands out secrets and takes them back."""

    def __init__(self, store: SingleUse, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def open(self, purpose: Purpose, value: Mapping[str, Any]) -> str:
        """A new secret of 256 random bits that stands for `value`."""
        secret = secrets.token_urlsafe(32)
        self._store.put_once(_key(purpose, secret), value, int(self._clock()) + purpose.seconds)
        return secret

    def give_back(self, purpose: Purpose, secret: str, value: Mapping[str, Any]) -> None:
        """Let a secret that was redeemed stand for `value` again: nothing came of it."""
        self._store.put_once(_key(purpose, secret), value, int(self._clock()) + purpose.seconds)

    def redeem(self, purpose: Purpose, secret: str) -> dict[str, Any]:
        """What `secret` stands for, once; raises Unauthenticated(code="invalid_token")."""
        found = None
        if _SHAPE.fullmatch(secret):
            found = self._store.take(_key(purpose, secret))
        if found is None:
            raise Unauthenticated(
                "This link or code does not hold: it is wrong, used, or too old.",
                code="invalid_token",
            )
        return found


def _key(purpose: Purpose, secret: str) -> str:
    return f"{purpose.name}:{secret}"
