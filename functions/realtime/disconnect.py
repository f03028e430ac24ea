"""A socket has gone, and its subscriptions with it."""

from __future__ import annotations

from covey.triggers.socket import SocketEvent, socket_handler
from covey.wiring import services


def disconnect(event: SocketEvent) -> None:
    """Forget the connection."""
    services().connections.close(event.connection)


handler = socket_handler(disconnect)
