"""A connection and its subscriptions."""

from __future__ import annotations

from dataclasses import dataclass, field

from covey.identity.principal import GUEST, Kind, Principal
from covey.identity.scopes import Scopes

CONNECTION_SECONDS = 2 * 3600  # API Gateway ends a connection after two hours
MAX_SUBSCRIPTIONS = 100


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a connection speaks for, and until when (seconds since the epoch; 0 for a guest)."""

    kind: Kind = Kind.GUEST
    id: str = ""
    roles: tuple[str, ...] = ()
    session: str = ""
    until: int = 0
    key: str = ""
    scopes: Scopes | None = None

    @classmethod
    def of(cls, who: Principal, until: int) -> Identity:
        """The identity of a verified caller."""
        return cls(who.kind, who.id, who.roles, who.session, until, who.key, who.scopes)

    def principal(self, now_s: int) -> Principal | None:
        """The caller, or None when the sign-in has run out."""
        if self.kind is Kind.GUEST:
            return GUEST
        if now_s >= self.until:
            return None
        return Principal(
            self.kind,
            self.id,
            self.roles,
            self.session,
            until=self.until,
            key=self.key,
            scopes=self.scopes,
        )


@dataclass(frozen=True, slots=True)
class Connection:
    """An open socket. `expires` in seconds since the epoch."""

    id: str
    identity: Identity
    expires: int
    subscriptions: frozenset[str] = field(default_factory=frozenset)  # "collection/id"


@dataclass(frozen=True, slots=True)
class Subscription:
    """One wish to be told: of the changes of a collection that a filter takes."""

    connection: str
    id: str  # the client's own name for it
    collection: str
    filter: str
    identity: Identity
    expires: int
