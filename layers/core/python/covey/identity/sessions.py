"""Refresh tokens: opaque, hashed, good for one use, and a second use ends the session.

A token is ``{session}.{family}{secret}``: `family` is the same in all tokens of a session, `secret`
only in the newest. A right family with a wrong secret is a token of this session that was used
before: it was copied, and nobody can say which holder is the thief, so the session ends
(RFC 9700, 4.14.2). A wrong family is a guess, and ends nothing: session ids are no secret, and
must not suffice to sign somebody out.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from covey.errors import Unauthenticated
from covey.identity.ports import Session, SessionStore

_FAMILY, _SECRET = 22, 43  # characters of 16 and 32 bytes in base64url
_SHAPE = re.compile(
    rf"([A-Za-z0-9_-]{{22}})\.([A-Za-z0-9_-]{{{_FAMILY}}})([A-Za-z0-9_-]{{{_SECRET}}})"
)


class Sessions:
    """Opens, continues and ends sessions."""

    def __init__(
        self, store: SessionStore, *, lifetime: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._lifetime = lifetime
        self._clock = clock

    def open(self, user: str) -> tuple[Session, str]:
        """Start a session of `user`; answers it and its first refresh token."""
        session, token = self.prepare(user)
        self._store.create(session)
        return session, token

    def creation(self, session: Session) -> dict[str, Any]:
        """The entry that starts a prepared session along with its user's record."""
        return self._store.creation(session)

    def prepare(self, user: str) -> tuple[Session, str]:
        """A session that is not kept yet, and its first refresh token."""
        now = int(self._clock())
        family, secret = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
        session = Session(
            id=secrets.token_urlsafe(16),
            user=user,
            family=_digest(family),
            secret=_digest(secret),
            created=now,
            expires=now + self._lifetime,
        )
        return session, f"{session.id}.{family}{secret}"

    def find(self, token: str) -> Session:
        """The session that `token` continues, changing nothing but for a reuse, which ends it.

        Raises Unauthenticated(code="invalid_token") for a token that does not hold.
        """
        session, secret = self._held(token)
        if not hmac.compare_digest(session.secret, _digest(secret)):
            self._store.end(session.id)
            raise _invalid()
        return session

    def rotate(self, session: Session, token: str) -> str:
        """The next refresh token in place of `token`, of the session that `find` answered.

        Of many at once with one token a single one succeeds, and the others end the session.
        """
        _, family, _ = _parts(token)
        secret = secrets.token_urlsafe(32)
        expires = int(self._clock()) + self._lifetime
        if not self._store.rotate(session.id, session.secret, _digest(secret), expires):
            self._store.end(session.id)
            raise _invalid()
        return f"{session.id}.{family}{secret}"

    def end(self, id: str) -> None:
        """End a session by its id."""
        self._store.end(id)

    def end_by_token(self, token: str) -> None:
        """End the session that `token` belongs to, newest or not; raises when there is none."""
        session, _ = self._held(token)
        self._store.end(session.id)

    def _held(self, token: str) -> tuple[Session, str]:
        id, family, secret = _parts(token)
        session = self._store.get(id)
        if session is None or session.expires <= self._clock():
            raise _invalid()
        if not hmac.compare_digest(session.family, _digest(family)):
            raise _invalid()
        return session, secret


def _parts(token: str) -> tuple[str, str, str]:
    match = _SHAPE.fullmatch(token) if token.isascii() else None
    if match is None:
        raise _invalid()
    return match[1], match[2], match[3]


def _digest(secret: str) -> str:
    # Plain SHA-256 serves: the secret is 256 random bits, not a password.
    return hashlib.sha256(secret.encode()).hexdigest()


def _invalid() -> Unauthenticated:
    return Unauthenticated("The refresh token does not hold.", code="invalid_token")
