"""Events to sockets: in order for each, side by side, so that no socket waits for another."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from covey import json
from covey.errors import TooLarge, Unavailable
from covey.realtime.sockets import Gone, Sockets

SENDERS = 8
_log = logging.getLogger(__name__)

Event = Mapping[str, Any]


class Sender:
    """Sends what waits for each socket."""

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets

    def send(self, outbox: Mapping[str, Sequence[Event]]) -> list[str]:
        """Send events by connection, in their order; the connections that are gone.

        One that cannot be reached misses what is left, which is logged.
        """
        if not outbox:
            return []
        with ThreadPoolExecutor(min(SENDERS, len(outbox))) as pool:
            here = list(pool.map(self._send, outbox, outbox.values()))
        return [connection for connection, still in zip(outbox, here, strict=True) if not still]

    def _send(self, connection: str, events: Sequence[Event]) -> bool:
        """Whether the connection is still there, as far as is known."""
        try:
            for event in events:
                self._post(connection, event)
        except Gone:
            return False
        except Unavailable as exc:
            _log.warning("%s could not be reached: %s", connection, exc.detail)
        return True

    def _post(self, connection: str, event: Event) -> None:
        try:
            self._sockets.post(connection, json.encode(event).encode())
        except TooLarge:
            if "record" not in event:
                raise
            # A record may be larger than a message: whoever wants it whole reads it.
            short = {**event, "record": {"id": event["record"]["id"]}, "partial": True}
            self._sockets.post(connection, json.encode(short).encode())
