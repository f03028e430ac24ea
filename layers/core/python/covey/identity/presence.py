"""Whether the caller of an access token or a session cookie is still there.

A token proves who signed in, for as long as it lasts. Whether the session was ended since, the
user disabled or deleted, and which roles they have now, is read for each request, consistently
and in one call: what an administrator takes away is gone with the next request.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from covey.collections.model import Collection
from covey.errors import Unauthenticated
from covey.identity.browser_sessions import read
from covey.identity.caller import signed_in
from covey.identity.ports import CallerStore, Session
from covey.identity.principal import Principal
from covey.identity.tokens import Claims
from covey.identity.users import roles_of
from covey.records.model import Record

USERS = "users"


class Collections(Protocol):
    """Where the collection `users` is looked up."""

    def get(self, name: str) -> Collection:
        """The collection of this name."""
        ...


class Presence:
    """Turns verified claims, and cookies, into the caller of now."""

    def __init__(
        self,
        store: CallerStore,
        collections: Collections,
        *,
        clock: Callable[[], float] = time.time,
        administers: Callable[[str], bool] = lambda actor: False,
    ) -> None:
        """`administers(user id)`: whether who acts in another's name still may."""
        self._store = store
        self._collections = collections
        self._clock = clock
        self._administers = administers

    def of(self, claims: Claims) -> Principal:
        """The caller, with the roles and the fields of now.

        Raises Unauthenticated(code="invalid_token") where the session or the user is gone.
        """
        session, user = self._present(claims.user, claims.session, lambda _: True)
        return self._caller(session, user, claims.expires)

    def of_cookie(self, value: str) -> Principal:
        """The caller whom a session cookie names; raises as `of` does."""
        cookie = read(value)
        session, user = self._present(
            cookie.user,
            cookie.session,
            lambda kept: hmac.compare_digest(kept.secret, cookie.digest),
        )
        return self._caller(session, user, session.expires)

    def again(self, who: Principal) -> Principal:
        """A caller of a while ago, as of now; raises as `of` does."""
        session, user = self._present(who.id, who.session, lambda _: True)
        return self._caller(session, user, who.until)

    def _present(
        self, id: str, session_id: str, proven: Callable[[Session], bool]
    ) -> tuple[Session, Record]:
        session, user = self._store.load(self._collections.get(USERS), id, session_id)
        if session is None or session.expires <= self._clock() or not proven(session):
            raise Unauthenticated("The session has ended. Sign in again.", code="invalid_token")
        if user is None:
            raise Unauthenticated("This user is gone.", code="invalid_token")
        return session, user

    def _caller(self, session: Session, user: Record, until: int) -> Principal:
        caller = signed_in(user.id, session.id, roles_of(user), until=until)
        # Nobody becomes an administrator in another's name, and who is none any more is out.
        if session.actor and (caller.is_administrator or not self._administers(session.actor)):
            raise Unauthenticated("The session has ended. Sign in again.", code="invalid_token")
        return replace(caller, values=user.values, actor=session.actor)
