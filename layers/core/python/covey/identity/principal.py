"""Who asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from covey.identity.scopes import Scopes


class Kind(StrEnum):
    """The kinds of principal."""

    GUEST = "guest"
    USER = "user"
    KEY = "key"
    ADMINISTRATOR = "administrator"
    SYSTEM = "system"  # Covey's own work: sweeps, backfills; never made from a request


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller, as rules see it.

    `id` is the user's record id, the key's id, or "" for a guest. `values` are the caller's
    own fields of `users` (visible to rules as ``auth.<field>``), loaded when a rule first
    needs them; `session` names the sign-in session, so that it can be revoked. `until` is when
    the caller's token ends, in seconds since the epoch, or 0 where there was none. `actor` is the
    administrator who acts in the user's name, if one does. `key` names the API key that calls, and
    `scopes` are what it was given: None where no key calls, and nothing is narrowed.
    """

    kind: Kind
    id: str = ""
    roles: tuple[str, ...] = ()
    session: str = ""
    values: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False)
    until: int = field(default=0, compare=False)
    actor: str = field(default="", compare=False)
    key: str = ""
    scopes: Scopes | None = None

    @property
    def is_administrator(self) -> bool:
        """Whether rules are bypassed; where a key calls, within its scopes."""
        return self.kind in (Kind.ADMINISTRATOR, Kind.SYSTEM)

    @property
    def sees_all(self) -> bool:
        """Whether nothing is hidden from this caller: an administrator whom no key narrows."""
        return self.is_administrator and self.scopes is None

    @property
    def scope(self) -> str:
        """A stable name of this caller, for binding cursors and idempotency keys."""
        if self.key:
            return f"{Kind.KEY}:{self.key}"
        return f"{self.kind}:{self.id}"


GUEST = Principal(Kind.GUEST)
SYSTEM = Principal(Kind.SYSTEM, id="covey")
