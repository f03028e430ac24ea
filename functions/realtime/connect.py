"""A socket opens: as a guest, with a ticket, or with an access token in its header."""

from __future__ import annotations

import time

from covey.errors import Unauthenticated
from covey.realtime.model import CONNECTION_SECONDS, Connection, Identity
from covey.triggers.socket import SocketEvent, socket_handler
from covey.wiring import services


def connect(event: SocketEvent) -> None:
    """Keep the connection; raises Unauthenticated for a ticket or token that does not hold."""
    expires = int(time.time()) + CONNECTION_SECONDS
    services().connections.open(Connection(event.connection, _identity(event), expires))


def _identity(event: SocketEvent) -> Identity:
    ticket, authorization = event.query.get("ticket"), event.headers.get("authorization")
    if ticket is not None:
        identity = services().tickets.redeem(ticket)
        if identity is None:
            raise Unauthenticated(code="invalid_ticket")
        return identity
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated(code="invalid_token")
        return Identity.of(*services().bearer(token.strip()))
    return Identity()


handler = socket_handler(connect)
