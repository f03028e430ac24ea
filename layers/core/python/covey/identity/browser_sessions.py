"""Sessions that a browser keeps in a cookie.

The cookie's value is ``{user}.{session}.{secret}``; the session keeps the secret's hash where
those of others keep that of their newest refresh token, hashed in another way: neither passes
for the other. The secret stays the same as long as the session, so that tabs which call at once
never sign each other out; that it is not copied is the browser's work (`HttpOnly`), and each
request reads the session anyway, so that ending it ends the cookie.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from covey.errors import Unauthenticated
from covey.identity.ports import Session, SessionStore
from covey.identity.principal import Principal
from covey.identity.sessions import Sessions

RENEWED_AFTER = 3600  # seconds: a session is written at most so often
_SHAPE = re.compile(r"([A-Za-z0-9_-]{2,342})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Cookie:
    """What a cookie's value says; `digest` is the hash of its secret."""

    user: str
    session: str
    digest: str


class BrowserSessions:
    """Makes sessions of cookies out of sessions of tokens, and continues them."""

    def __init__(
        self,
        sessions: Sessions,
        store: SessionStore,
        *,
        lifetime: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._lifetime = lifetime
        self._clock = clock

    def adopt(self, refresh_token: str) -> tuple[str, int]:
        """The cookie, and its seconds, of the session of this token, which is then spent.

        Raises Unauthenticated(code="invalid_token") for a token that does not hold.
        """
        session = self._sessions.find(refresh_token)
        secret = secrets.token_urlsafe(32)
        expires = self._expires(session)
        if not self._store.rotate(session, _digest(secret), int(self._clock()), expires):
            raise _invalid()
        return f"{_name(session.user)}.{session.id}.{secret}", self._left(expires)

    def renew(self, caller: Principal) -> int:
        """Let the session of this caller last as long as a new one; the seconds it has.

        Written at most once an hour. Raises Unauthenticated where it ended meanwhile.
        """
        session = self._store.get(caller.id, caller.session)
        if session is None or session.expires <= self._clock():
            raise _invalid()
        now, expires = int(self._clock()), self._expires(session)
        if now - session.used < RENEWED_AFTER:
            return self._left(session.expires)
        if not self._store.rotate(session, session.secret, now, expires):
            raise _invalid()
        return self._left(expires)

    def _expires(self, session: Session) -> int:
        # Who acts in another's name does so for as long as was said at first.
        return session.expires if session.actor else int(self._clock()) + self._lifetime

    def _left(self, expires: int) -> int:
        return expires - int(self._clock())


def read(value: str) -> Cookie:
    """What a cookie says, unproven; raises Unauthenticated(code="invalid_token")."""
    match = _SHAPE.fullmatch(value) if value.isascii() else None
    if match is None:
        raise _invalid()
    try:
        user = base64.urlsafe_b64decode(match[1] + "=" * (-len(match[1]) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise _invalid() from exc
    if _name(user) != match[1]:  # one cookie goes by one name
        raise _invalid()
    return Cookie(user, match[2], _digest(match[3]))


def _name(user: str) -> str:
    return base64.urlsafe_b64encode(user.encode()).rstrip(b"=").decode()


def _digest(secret: str) -> str:
    # Another hash than that of refresh tokens. Plain SHA-256 serves 256 random bits.
    return hashlib.sha256(f"cookie.{secret}".encode()).hexdigest()


def _invalid() -> Unauthenticated:
    return Unauthenticated("The session has ended. Sign in again.", code="invalid_token")
