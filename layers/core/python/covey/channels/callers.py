"""Whom sockets speak for now, where there is still somebody."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cached_property

from covey.errors import Unauthenticated
from covey.identity.principal import Principal
from covey.realtime.model import Identity

SIDE_BY_SIDE = 16

Caller = Principal | Unauthenticated | None
"""None: the sign-in has run out; Unauthenticated: it was ended."""


class Callers:
    """Turns identities into callers of now: each is a read of its session and its user."""

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
        found = self._asked(identity)
        return None if isinstance(found, Unauthenticated) else found

    def each(self, identities: Collection[Identity]) -> Mapping[Identity, Caller]:
        """The callers behind these, asked side by side."""
        different = list(dict.fromkeys(identities))
        if len(different) < 2:
            return {one: self._asked(one) for one in different}
        context = copy_context()
        answers = self._pool.map(lambda one: context.copy().run(self._asked, one), different)
        return dict(zip(different, answers, strict=True))

    def _asked(self, identity: Identity) -> Caller:
        who = identity.principal(int(self._now()))
        try:
            return None if who is None else self._present(who)
        except Unauthenticated as ended:
            return ended

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(SIDE_BY_SIDE, "callers")
