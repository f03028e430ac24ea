"""The audit log: what happened to accounts, by whom and from where. Kept for 400 days."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from covey.identity.ports import NOWHERE, Place

KEPT_S = 400 * 86_400


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, at `at` (milliseconds): to `user`, by `actor` if by another."""

    kind: str
    at: int
    user: str = ""
    actor: str = ""
    place: Place = NOWHERE
    detail: Mapping[str, str] = field(default_factory=dict)
    id: str = ""


class AuditStore(Protocol):
    """Where events are kept; `covey.testing.identity.MemoryAuditStore` is its twin."""

    def add(self, event: Event, expires: int) -> None:
        """Keep one until `expires` (seconds)."""
        ...

    def newest(self, limit: int, before: str = "", user: str = "") -> Sequence[Event]:
        """At most `limit` of the last weeks, newest first, older than the event `before`."""
        ...


class Audit:
    """Notes events."""

    def __init__(self, store: AuditStore, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def note(
        self, kind: str, user: str = "", place: Place = NOWHERE, *, actor: str = "", **detail: str
    ) -> None:
        """Note that `kind` happened; `detail` holds no secrets and no addresses of mail."""
        now = self._clock()
        event = Event(kind, int(now * 1000), user, actor, place, detail)
        self._store.add(event, int(now) + KEPT_S)

    def newest(self, limit: int, before: str = "", user: str = "") -> Sequence[Event]:
        """As `AuditStore.newest`."""
        return self._store.newest(limit, before, user)
