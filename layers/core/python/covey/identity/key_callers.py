"""From an API key to who calls by it, as of now.

A user's key speaks for that user, with the roles of now and within its scopes: never more than
the user may. It ends with its user: deleted, disabled, or of a later generation. A service key
speaks for itself: ``auth.id`` is its id and ``auth.roles`` what it was made with; with the role
`admin` it passes the rules, within its scopes.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from typing import Protocol

from covey.collections.model import Collection
from covey.errors import Unavailable
from covey.identity.api_key import ApiKey, ApiKeyStore, Holder, Name, digest, invalid, named, parse
from covey.identity.caller import ADMIN_ROLE, signed_in
from covey.identity.principal import Kind, Principal
from covey.identity.users import roles_of

USERS = "users"
TOUCHED_S = 3600  # how seldom the time of last use is written


class Collections(Protocol):
    """Where the collection `users` is looked up."""

    def get(self, name: str) -> Collection:
        """The collection of this name."""
        ...


class KeyCallers:
    """Turns keys into callers."""

    def __init__(
        self,
        store: ApiKeyStore,
        collections: Collections,
        *,
        lifetime: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`lifetime`: for how many seconds what outlasts a request may rely on the answer."""
        self._store = store
        self._collections = collections
        self._lifetime = lifetime
        self._clock = clock

    def of(self, token: str) -> Principal:
        """The caller; raises Unauthenticated("invalid_token"), whatever is wrong."""
        name, secret = parse(token)
        held = self._load(name)
        # Compared also where there is no such key, so that both take as long.
        right = hmac.compare_digest(held[0].secret if held[0] else "0" * 64, digest(secret))
        caller = self._caller(name, held)
        if not right or caller is None or held[0] is None:
            raise invalid()
        self._touch(held[0])
        return caller

    def again(self, text: str) -> Principal:
        """Who called by the key of this name: to go on with work that they started."""
        name = named(text)
        caller = self._caller(name, self._load(name)) if name else None
        if caller is None:
            raise invalid()
        return caller

    def _load(self, name: Name) -> Holder:
        return self._store.load(self._collections.get(USERS), name)

    def _caller(self, name: Name, held: Holder) -> Principal | None:
        key, account, user = held
        now = int(self._clock())
        if key is None or (key.expires and key.expires <= now):
            return None
        until = min(key.expires or now + self._lifetime, now + self._lifetime)
        if not name.user:
            return _own(key, until)
        if account is None or user is None or account.disabled:
            return None
        if account.generation != key.generation:
            return None
        who = signed_in(user.id, "", roles_of(user), until=until)
        return Principal(
            who.kind, who.id, who.roles, "", user.values, until, "", name.text(), key.scopes
        )

    def _touch(self, key: ApiKey) -> None:
        now = int(self._clock())
        if now - key.used < TOUCHED_S:
            return
        try:
            self._store.touch(key, now)
        except Unavailable:
            return  # a note, which the request does not wait for


def _own(key: ApiKey, until: int) -> Principal:
    kind = Kind.ADMINISTRATOR if ADMIN_ROLE in key.roles else Kind.KEY
    id = f"key-{key.name.id}"
    return Principal(kind, id, key.roles, "", {}, until, "", key.name.text(), key.scopes)
