"""Calls of other servers: https, no redirects, bounded in time and size.

Plain http reaches this machine alone (RFC 8252, 8.3), for providers of tests. One deadline holds
for all of a call: a server that sends a byte now and then meets no time-out of a socket's.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping
from threading import Event, Timer
from urllib.parse import SplitResult, urlencode, urlsplit

from covey.identity.federation.ports import Reply, WebFault

CALL_S = 6.0
CONNECT_S = 3.0
MAX_BYTES = 262_144


class HttpWeb:
    """The port `Web` over the network."""

    def __init__(self, *, seconds: float = CALL_S, max_bytes: int = MAX_BYTES) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes

    def get(self, url: str, headers: Mapping[str, str]) -> Reply:
        """As `Web.get`."""
        return self._call("GET", url, None, headers)

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        """As `Web.post`."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return self._call("POST", url, urlencode(form).encode(), sent)

    def _call(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        if not is_callable(url):
            raise WebFault("an address that is not called")
        parts = urlsplit(url)
        connection = _connection(parts, min(CONNECT_S, self._seconds))
        try:
            connection.connect()
            return self._within(
                connection, lambda: self._ask(connection, method, parts, body, headers)
            )
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise WebFault(f"{parts.hostname}: {type(exc).__name__}") from exc
        finally:
            connection.close()

    def _within(self, connection: http.client.HTTPConnection, work: Callable[[], Reply]) -> Reply:
        sock, late = connection.sock, Event()
        sock.settimeout(self._seconds)

        def end() -> None:
            late.set()
            _shut(sock)

        # Ends whatever read is waiting then, of the headers too: it sees the end of the stream.
        timer = Timer(self._seconds, end)
        timer.daemon = True
        timer.start()
        try:
            reply = work()
        finally:
            timer.cancel()
        if late.is_set():
            raise WebFault("too slow")
        return reply

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        parts: SplitResult,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> Reply:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {"User-Agent": "Covey", "Accept": "application/json", "Connection": "close"}
        connection.request(method, target, body=body, headers={**sent, **headers})
        response = connection.getresponse()
        text = response.read(self._max_bytes + 1)
        if len(text) > self._max_bytes:
            raise WebFault("too large")
        return Reply(response.status, text)


def is_callable(url: str) -> bool:
    """Whether `url` is https, or http on this machine, of a plain form."""
    if not (url.isascii() and url.isprintable()) or " " in url or "\\" in url or len(url) > 2000:
        return False
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for one that is no number
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _connection(parts: SplitResult, seconds: float) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=seconds)
    context = ssl.create_default_context()
    return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it ended just now
