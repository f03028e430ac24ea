"""Sockets in memory, for tests."""

from __future__ import annotations

from covey.errors import TooLarge
from covey.realtime.sockets import Gone


class MemorySockets:
    """Keeps what was posted, by connection; those in ``gone`` raise Gone."""

    def __init__(self) -> None:
        self.posted: dict[str, list[bytes]] = {}
        self.gone: set[str] = set()

    def post(self, connection_id: str, data: bytes) -> None:
        """Keep a frame."""
        if connection_id in self.gone:
            raise Gone(connection_id)
        if len(data) > 131_072:
            raise TooLarge
        self.posted.setdefault(connection_id, []).append(data)
