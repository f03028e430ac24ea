"""A socket says something, and is answered over the socket."""

from __future__ import annotations

import contextlib

from covey import json
from covey.realtime.delivery import post
from covey.realtime.sockets import Gone
from covey.triggers.socket import SocketEvent, socket_handler
from covey.wiring import services


def message(event: SocketEvent) -> None:
    """Answer one frame."""
    with contextlib.suppress(Gone):  # it left before its answer: `disconnect` tidies up
        for answer in services().conversation.answers(event.connection, event.body):
            post(services().sockets, event.connection, json.encode(answer).encode())


handler = socket_handler(message)
