"""Whom a socket speaks for now, where there is still somebody."""

from __future__ import annotations

import time
from collections.abc import Callable

from covey.errors import Unauthenticated
from covey.identity.principal import Principal
from covey.realtime.model import Identity


class Callers:
    """Turns identities into callers of now."""

    def __init__(
        self,
        present: Callable[[Principal], Principal],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`present` is a caller of a while ago as of now; raises Unauthenticated."""
        self._present = present
        self._now = now

    def __call__(self, identity: Identity) -> Principal | None:
        """The caller; None where the sign-in has run out or was ended."""
        who = identity.principal(int(self._now()))
        if who is None:
            return None
        try:
            return self._present(who)
        except Unauthenticated:
            return None
