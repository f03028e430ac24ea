"""A connection and its subscriptions."""

from __future__ import annotations

from dataclasses import dataclass, field

from covey.identity.principal import GUEST, Kind, Principal
from covey.identity.scopes import Scopes

CONNECTION_SECONDS = 2 * 3600  # API Gateway ends a connection after two hours
MAX_SUBSCRIPTIONS = 100
EVERY = "*"  # the topic of subscriptions that any change may concern
KEPT_SECONDS = 3600  # for which a change can be asked for again
MAX_FIELDS = 16  # of a collection, by whose values subscriptions are found


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
    """One wish to be told: of the changes of a collection, or of one record, that a filter takes.

    `topics` are where a change finds it: see `covey.realtime.topics`.
    """

    connection: str
    id: str  # the client's own name for it
    collection: str
    filter: str
    identity: Identity
    expires: int
    record: str = ""
    topics: frozenset[str] = frozenset((EVERY,))

    @property
    def wanted(self) -> tuple[str, str]:
        """What it wants to know, whoever asks."""
        return self.filter, self.record


@dataclass(frozen=True, slots=True)
class Listened:
    """That somebody listens to a collection, or did lately: its changes are kept for a while.

    `fields` are the keys of those by whose values somebody listens. `since` (milliseconds) is when
    the keeping of changes began; until `until` (seconds) it goes on.
    """

    fields: frozenset[str]
    since: int
    until: int
