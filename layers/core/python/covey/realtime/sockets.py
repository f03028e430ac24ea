"""How an open socket is reached: the port."""

from __future__ import annotations

from typing import Protocol


class Gone(Exception):
    """The connection is no more."""


class Sockets(Protocol):
    """Posts to connections; implemented by `covey.aws.sockets`."""

    def post(self, connection_id: str, data: bytes) -> None:
        """Send one text frame, at most 128 KB; raises Gone, or Unavailable for a full one."""
        ...
