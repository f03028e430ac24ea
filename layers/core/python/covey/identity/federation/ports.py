"""What federation keeps and whom it calls, and how these must behave.

`covey.store.models.identity` and `covey.testing.federation` keep identities; both pass the same
tests. `web.HttpWeb` calls other servers, `covey.testing.federation.ScriptedWeb` stands in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Identity:
    """A user at a provider: `subject` never changes there, and belongs to one `user` here."""

    provider: str
    issuer: str
    subject: str
    user: str
    email: str
    linked: int

    @property
    def id(self) -> str:
        """A name for it that tells nothing."""
        return identity_id(self.issuer, self.subject)


def identity_id(issuer: str, subject: str) -> str:
    """The digest of an issuer and a subject."""
    return hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()[:40]


class IdentityStore(Protocol):
    """Identities by their digest, and by their user."""

    def owner(self, id: str) -> str | None:
        """The user whose identity this is, read consistently."""
        ...

    def of(self, user: str) -> Sequence[Identity]:
        """Those of a user, read consistently."""
        ...

    def creation(self, identity: Identity) -> list[dict[str, Any]]:
        """The entries that keep it, failing the transaction where it is somebody's."""
        ...

    def add(self, identity: Identity, guard: dict[str, Any]) -> bool:
        """Keep it in one transaction with `guard`; False where it is somebody's or that failed."""
        ...

    def remove(self, identity: Identity, guard: dict[str, Any]) -> bool:
        """Forget it in one transaction with `guard`; False where it is gone or that failed."""
        ...

    def release(self, id: str, user: str) -> None:
        """Let go of an identity of a user who is gone; no matter whether it is theirs."""
        ...

    def forget(self, user: str) -> None:
        """Forget all of a user; twice is as once."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What another server answered."""

    status: int
    body: bytes


class WebFault(Exception):
    """Another server could not be reached, or answered too late or too much."""


class Web(Protocol):
    """Calls other servers; follows no redirects. Raises WebFault."""

    def get(self, url: str, headers: Mapping[str, str]) -> Reply:
        """Read `url`."""
        ...

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        """Send a form to `url`."""
        ...
