"""A socket has gone, its subscriptions with it, and it has left its channels."""

from __future__ import annotations

from covey.triggers.socket import SocketEvent, socket_handler
from covey.wiring import services


def disconnect(event: SocketEvent) -> None:
    """Forget the connection."""
    services().rooms.depart(event.connection)


handler = socket_handler(disconnect)
