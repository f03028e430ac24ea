"""Who listens, as of now: asked when there is something to tell them, and once for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable

from covey.errors import Unauthenticated
from covey.identity.principal import Principal
from covey.realtime.model import Identity

FRESH_S = 1.0  # for which an answer serves the other subscriptions of the same caller


class Presences:
    """The callers behind identities. Safe between threads."""

    def __init__(
        self,
        present: Callable[[Principal], Principal],
        with_profile: Callable[[Principal], Principal],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`present` is the caller of now; raises Unauthenticated."""
        self._present = present
        self._with_profile = with_profile
        self._now = now
        self._then: dict[Identity, Principal | None] = {}
        self._found: dict[Identity, tuple[float, Principal | Unauthenticated | None]] = {}

    def then(self, identity: Identity) -> Principal | None:
        """Who it was when they signed in; None when that has run out."""
        if identity not in self._then:
            who = identity.principal(int(self._now()))
            self._then[identity] = None if who is None else self._with_profile(who)
        return self._then[identity]

    def now(self, identity: Identity) -> Principal | None:
        """Who it is now; None when the sign-in has run out, raises Unauthenticated when ended."""
        at = self._now()
        known = self._found.get(identity)
        if known is None or at - known[0] > FRESH_S:
            known = self._found[identity] = (at, self._asked(identity))
        if isinstance(known[1], Unauthenticated):
            raise known[1]
        return known[1]

    def _asked(self, identity: Identity) -> Principal | Unauthenticated | None:
        who = identity.principal(int(self._now()))
        try:
            return None if who is None else self._present(who)
        except Unauthenticated as gone:
            return gone
