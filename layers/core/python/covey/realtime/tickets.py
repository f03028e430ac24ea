"""Tickets: a signed-in caller's single-use, short-lived key to open a socket.

A browser cannot send a header with a WebSocket, and an access token in a URL ends up in logs.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from covey.errors import Unauthenticated
from covey.identity.principal import Kind, Principal
from covey.identity.scopes import stored
from covey.realtime.model import Identity
from covey.records.ports import RecordStore

TICKET_SECONDS = 60


class Tickets:
    """Gives out and redeems tickets."""

    def __init__(
        self,
        store: RecordStore,
        *,
        session_seconds: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._session_seconds = session_seconds
        self._now = now

    def issue(self, who: Principal) -> str:
        """A ticket that opens one socket as this caller within a minute.

        The socket speaks for the caller as long as the token that asked would have: a ticket
        does not outlive a session that has ended, nor roles that were taken away.
        """
        if who.kind is Kind.GUEST:
            raise Unauthenticated("Sign in to get a ticket; guests connect without one.")
        ticket = secrets.token_urlsafe(32)
        now = int(self._now())
        value = {
            "kind": str(who.kind),
            "id": who.id,
            "roles": list(who.roles),
            "session": who.session,
            "until": who.until or now + self._session_seconds,
            "key": who.key,
            "scopes": who.scopes.document() if who.scopes else None,
        }
        self._store.put_once(f"ticket:{ticket}", value, now + TICKET_SECONDS)
        return ticket

    def redeem(self, ticket: str) -> Identity | None:
        """Who the ticket speaks for; None when it was used, has run out or never was."""
        value = self._store.take(f"ticket:{ticket}") if 0 < len(ticket) <= 100 else None
        if value is None:
            return None
        return Identity(
            Kind(value["kind"]),
            value["id"],
            tuple(value["roles"]),
            value["session"],
            int(value["until"]),
            value["key"],
            stored(value["scopes"]) if value["scopes"] else None,
        )
