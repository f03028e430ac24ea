"""Sockets in memory, for tests."""

from __future__ import annotations

from covey.errors import TooLarge, Unavailable
from covey.realtime.sockets import Gone


class MemorySockets:
    """Keeps what was posted, by connection; those in ``gone`` raise Gone, in ``stuck`` Unavailable.

    While it is ``away``, every call raises Unavailable.
    """

    def __init__(self) -> None:
        self.posted: dict[str, list[bytes]] = {}
        self.gone: set[str] = set()
        self.stuck: set[str] = set()
        self.closed: list[str] = []
        self.away = False

    def post(self, connection_id: str, data: bytes) -> None:
        """Keep a frame."""
        if self.away or connection_id in self.stuck:
            raise Unavailable
        if connection_id in self.gone:
            raise Gone(connection_id)
        if len(data) > 131_072:
            raise TooLarge
        self.posted.setdefault(connection_id, []).append(data)

    def close(self, connection_id: str) -> None:
        """Note that it was ended."""
        if self.away:
            raise Unavailable
        if connection_id not in self.gone:
            self.closed.append(connection_id)
        self.gone.add(connection_id)
