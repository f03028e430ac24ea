"""Whether the caller of an access token is still there.

A token proves who signed in, for as long as it lasts. Whether the session was ended since, the
user disabled or deleted, and which roles they have now, is read for each request, consistently
and in one call: what an administrator takes away is gone with the next request.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from covey.collections.model import Collection
from covey.errors import Unauthenticated
from covey.identity.caller import signed_in
from covey.identity.ports import CallerStore
from covey.identity.principal import Principal
from covey.identity.tokens import Claims
from covey.identity.users import roles_of

USERS = "users"


class Collections(Protocol):
    """Where the collection `users` is looked up."""

    def get(self, name: str) -> Collection:
        """The collection of this name."""
        ...


class Presence:
    """Turns verified claims into the caller of now."""

    def __init__(
        self,
        store: CallerStore,
        collections: Collections,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._collections = collections
        self._clock = clock

    def of(self, claims: Claims) -> Principal:
        """The caller, with the roles and the fields of now.

        Raises Unauthenticated(code="invalid_token") where the session or the user is gone.
        """
        users = self._collections.get(USERS)
        session, user = self._store.load(users, claims.user, claims.session)
        if session is None or session.expires <= self._clock():
            raise Unauthenticated("The session has ended. Sign in again.", code="invalid_token")
        if user is None:
            raise Unauthenticated("This user is gone.", code="invalid_token")
        caller = signed_in(user.id, session.id, roles_of(user), until=claims.expires)
        return replace(caller, values=user.values, actor=session.actor)
