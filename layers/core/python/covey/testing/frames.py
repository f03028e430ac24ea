"""How fast sockets send, in memory, for tests."""

from __future__ import annotations


class MemoryFrames:
    """Passes the tests of the real store."""

    def __init__(self) -> None:
        self._full: dict[str, int] = {}

    def spend(self, connection: str, now: int, cost: int) -> int:
        """Put off when a socket's bucket is full; when it is."""
        self._full[connection] = max(now, self._full.get(connection, 0)) + cost
        return self._full[connection]
