"""A connection under one deadline and one limit of bytes.

A time-out of a socket's begins anew with each byte: a server that sends one now and then would
hold its caller for ever. Here every read has the time that is left of the whole, and no more.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Sequence

from covey.outbound.urls import Url

MIN_S = 0.001  # a time-out of 0 would mean not to wait at all, for the socket
PIECE = 65_536


class TooSlow(OSError):
    """The time is over."""


class TooMuch(OSError):
    """More bytes came than are read."""


class Deadline:
    """When all of a call must be over."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self, most: float = float("inf")) -> float:
        """Seconds that are left, at most so many; raises TooSlow."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TooSlow("too slow")
        return max(MIN_S, min(left, most))


class Wire:
    """A connected socket, as `http.client` uses one."""

    def __init__(self, link: socket.socket, deadline: Deadline, most: int) -> None:
        self._link = link
        self._deadline = deadline
        self._most = most

    def sendall(self, data: bytes) -> None:
        """Send all of it in time."""
        view = memoryview(data)
        while view:
            self._link.settimeout(self._deadline.left())
            view = view[self._link.send(view[:PIECE]) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        """What comes back, read in time and up to the limit."""
        return io.BufferedReader(_Incoming(self._link, self._deadline, self._most))

    def close(self) -> None:
        """Nothing: `http.client` lets go of a connection whose answer is still to be read."""

    def end(self) -> None:
        """Close it."""
        self._link.close()


class _Incoming(io.RawIOBase):
    def __init__(self, link: socket.socket, deadline: Deadline, most: int) -> None:
        self._link = link
        self._deadline = deadline
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._left <= 0:
            raise TooMuch("too much")
        self._link.settimeout(self._deadline.left())
        try:
            read = self._link.recv_into(buffer)
        except TimeoutError as late:
            raise TooSlow("too slow") from late
        self._left -= read
        return read


def connect(
    url: Url,
    addresses: Sequence[str],
    deadline: Deadline,
    seconds: float,
    context: ssl.SSLContext | None,
) -> socket.socket:
    """A connection to the first of these addresses that answers; raises OSError.

    The certificate must be the host's, not the address's (RFC 9110, 4.3.4).
    """
    ends, failure = Deadline(seconds), OSError("it has no address")
    for address in addresses:
        left = deadline.left(ends.left())
        try:
            link = socket.create_connection((address, url.port), left)
        except OSError as error:
            failure = error
            continue
        try:
            return link if context is None else _secured(link, url, context, deadline)
        except BaseException:
            link.close()
            raise
    raise failure


def _secured(
    link: socket.socket, url: Url, context: ssl.SSLContext, deadline: Deadline
) -> socket.socket:
    link.settimeout(deadline.left())  # which holds for all of the handshake, not for each read
    return context.wrap_socket(link, server_hostname=url.host)
