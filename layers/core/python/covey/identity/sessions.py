"""Refresh tokens: opaque, hashed, good for one use, and a second use ends the session.

A token is ``{user}.{session}.{family}{secret}``: `family` is the same in all tokens of a session,
`secret` only in the newest. A right family with a wrong secret is a token of this session that
was used before: it was copied, and nobody can say which holder is the thief, so the session ends
(RFC 9700, 4.14.2). A wrong family is a guess, and ends nothing: the ids of users and sessions are
no secret, and must not suffice to sign somebody out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from covey.errors import Unauthenticated
from covey.identity.ports import NOWHERE, Account, AccountStore, Place, Session, SessionStore

MAX_AGENT = 300  # characters of what a client calls itself
_FAMILY, _SECRET = 22, 43  # characters of 16 and 32 bytes in base64url
_SHAPE = re.compile(
    rf"([A-Za-z0-9_-]{{2,342}})\.([A-Za-z0-9_-]{{22}})"
    rf"\.([A-Za-z0-9_-]{{{_FAMILY}}})([A-Za-z0-9_-]{{{_SECRET}}})"
)


class Sessions:
    """Opens, continues and ends sessions."""

    def __init__(
        self,
        store: SessionStore,
        accounts: AccountStore,
        *,
        lifetime: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._lifetime = lifetime
        self._clock = clock

    def open(
        self,
        account: Account,
        place: Place = NOWHERE,
        means: str = "password",
        *,
        actor: str = "",
        lifetime: int | None = None,
    ) -> tuple[Session, str]:
        """Start a session of an account; answers it and its first refresh token.

        Where the account was disabled or its password changed since it was read, that is
        Unauthenticated: whoever ends all sessions ends those that are just being begun.
        """
        session, token = self.prepare(account.user, place, means, actor=actor, lifetime=lifetime)
        if not self._store.open(session, self._accounts.standing(account)):
            raise Unauthenticated("E-mail or password is wrong.", code="invalid_credentials")
        return session, token

    def creation(self, session: Session) -> dict[str, Any]:
        """The entry that starts a prepared session along with its user's record."""
        return self._store.creation(session)

    def prepare(
        self,
        user: str,
        place: Place = NOWHERE,
        means: str = "password",
        *,
        actor: str = "",
        lifetime: int | None = None,
    ) -> tuple[Session, str]:
        """A session that is not kept yet, and its first refresh token."""
        now = int(self._clock())
        family, secret = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
        session = Session(
            id=secrets.token_urlsafe(16),
            user=user,
            family=_digest(family),
            secret=_digest(secret),
            created=now,
            expires=now + (self._lifetime if lifetime is None else lifetime),
            place=Place(place.address, _tame(place.agent)),
            used=now,
            means=means,
            actor=actor,
        )
        return session, _token(user, session.id, family, secret)

    def find(self, token: str) -> Session:
        """The session that `token` continues, changing nothing but for a reuse, which ends it.

        Raises Unauthenticated(code="invalid_token") for a token that does not hold.
        """
        session, secret = self._held(token)
        if not hmac.compare_digest(session.secret, _digest(secret)):
            self._store.end(session.user, session.id)
            raise _invalid()
        return session

    def rotate(self, session: Session, token: str) -> str:
        """The next refresh token in place of `token`, of the session that `find` answered.

        Of many at once with one token a single one succeeds, and the others end the session.
        """
        _, _, family, _ = _parts(token)
        secret = secrets.token_urlsafe(32)
        now = int(self._clock())
        # Who acts in another's name does so for as long as was said at first.
        expires = session.expires if session.actor else now + self._lifetime
        if not self._store.rotate(session, _digest(secret), now, expires):
            self._store.end(session.user, session.id)
            raise _invalid()
        return _token(session.user, session.id, family, secret)

    def of(self, user: str) -> Sequence[Session]:
        """The sessions of a user that hold, the one used last first."""
        now = self._clock()
        held = [session for session in self._store.of(user) if session.expires > now]
        return sorted(held, key=lambda session: (session.used, session.id), reverse=True)

    def end(self, user: str, id: str) -> None:
        """End a session; no matter whether it is there."""
        self._store.end(user, id)

    def end_all(self, user: str, *, but: str = "") -> int:
        """End all sessions of a user, or all but one; how many."""
        ended = [session.id for session in self._store.of(user) if session.id != but]
        for id in ended:
            self._store.end(user, id)
        return len(ended)

    def end_by_token(self, token: str) -> Session:
        """End the session that `token` belongs to, newest or not; raises when there is none."""
        session, _ = self._held(token)
        self._store.end(session.user, session.id)
        return session

    def _held(self, token: str) -> tuple[Session, str]:
        user, id, family, secret = _parts(token)
        session = self._store.get(user, id)
        if session is None or session.expires <= self._clock():
            raise _invalid()
        if not hmac.compare_digest(session.family, _digest(family)):
            raise _invalid()
        return session, secret


def _token(user: str, session: str, family: str, secret: str) -> str:
    name = base64.urlsafe_b64encode(user.encode()).rstrip(b"=").decode()
    return f"{name}.{session}.{family}{secret}"


def _parts(token: str) -> tuple[str, str, str, str]:
    match = _SHAPE.fullmatch(token) if token.isascii() else None
    if match is None:
        raise _invalid()
    try:
        user = base64.urlsafe_b64decode(match[1] + "=" * (-len(match[1]) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise _invalid() from exc
    return user, match[2], match[3], match[4]


def _tame(agent: str) -> str:
    return "".join(c for c in agent if c.isprintable())[:MAX_AGENT]


def _digest(secret: str) -> str:
    # Plain SHA-256 serves: the secret is 256 random bits, not a password.
    return hashlib.sha256(secret.encode()).hexdigest()


def _invalid() -> Unauthenticated:
    return Unauthenticated("The refresh token does not hold.", code="invalid_token")
