"""How an open socket is reached: the port."""

from __future__ import annotations

from typing import Protocol

PATIENCE = 6.0


class Gone(Exception):
    """The connection is no more."""


class Sockets(Protocol):
    """Posts to connections and ends them; implemented by `covey.aws.sockets`.

    Either returns or raises within `PATIENCE` seconds: a connection that cannot be reached is
    nobody else's loss.
    """

    def post(self, connection_id: str, data: bytes) -> None:
        """Send one text frame, at most 128 KB; raises Gone, or Unavailable for a full one."""
        ...

    def close(self, connection_id: str) -> None:
        """End a connection, if it is still there; raises Unavailable."""
        ...
