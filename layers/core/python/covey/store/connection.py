"""One kept-alive HTTP/1.1 connection that posts and reads, and nothing else.

http.client spends more time on a GetItem's answer than the data engine does; DynamoDB's
answers need three headers of it.
"""

from __future__ import annotations

import select
import socket
import ssl
import zlib
from typing import NamedTuple
from urllib.parse import urlsplit

_MAX_HEAD = 65_536
_CHUNK = 65_536


class BrokenError(Exception):
    """The connection failed. `sent` says whether the server may have seen the request."""

    def __init__(self, message: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(message)


class Endpoint(NamedTuple):
    """Where a service listens; `host` as the Host header has it."""

    name: str
    port: int
    secure: bool
    host: str

    @classmethod
    def of(cls, url: str) -> Endpoint:
        """From ``http://127.0.0.1:8001`` or ``https://dynamodb.eu-north-1.amazonaws.com``."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an http or https address: {url}")
        secure = parts.scheme == "https"
        usual = 443 if secure else 80
        port = parts.port or usual
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return cls(parts.hostname, port, secure, name if port == usual else f"{name}:{port}")


class Connection:
    """Connects on first use and again after a failure. Not for two threads at once."""

    def __init__(
        self,
        endpoint: Endpoint,
        context: ssl.SSLContext | None,
        *,
        connect_timeout: float,
        read_timeout: float,
    ) -> None:
        self._socket: socket.socket | None = None
        self._endpoint = endpoint
        self._context = context
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout

    def post(self, head: str, body: bytes) -> tuple[int, bytes]:
        """Send header lines and body, return the status and the body of the answer.

        Raises BrokenError; whatever was raised, the next call starts on a fresh connection.
        """
        link = self._open()
        done = False
        try:
            link.sendall(f"POST / HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)
            answer = self._read(link)
            done = True
            return answer
        except (OSError, ValueError) as error:
            raise BrokenError(f"{type(error).__name__}: {error}", sent=True) from error
        finally:
            if not done:
                self.close()

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __del__(self) -> None:  # with the thread whose connection it was
        self.close()

    def _open(self) -> socket.socket:
        if self._socket is not None:
            # Between requests nothing may arrive: a readable socket was closed by the server.
            # Seen before sending, a new connection is always safe.
            if not _readable(self._socket):
                return self._socket
            self.close()
        try:
            self._socket = self._connect()
        except OSError as error:
            raise BrokenError(f"{type(error).__name__}: {error}", sent=False) from error
        return self._socket

    def _connect(self) -> socket.socket:
        link = socket.create_connection(
            (self._endpoint.name, self._endpoint.port), self._connect_timeout
        )
        try:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                link = self._context.wrap_socket(link, server_hostname=self._endpoint.name)
            link.settimeout(self._read_timeout)
        except BaseException:
            link.close()
            raise
        return link

    def _read(self, link: socket.socket) -> tuple[int, bytes]:
        data = link.recv(_CHUNK)
        end = data.find(b"\r\n\r\n")
        while end < 0:
            more = link.recv(_CHUNK)
            if not more or len(data) > _MAX_HEAD:
                raise ValueError("the connection ended inside the head of the answer")
            data += more
            end = data.find(b"\r\n\r\n")
        head = data[:end].lower()
        if not head.startswith(b"http/1.1 "):
            raise ValueError("not an HTTP/1.1 answer")
        length = _header(head, b"content-length")
        if length is None:
            raise ValueError("an answer without a length")
        body = _rest(link, data[end + 4 :], int(length))
        _check(body, _header(head, b"x-amz-crc32"))
        if _header(head, b"connection") == b"close":
            self.close()
        return int(head[9:12]), body


def _readable(link: socket.socket) -> bool:
    if hasattr(select, "poll"):  # select() stops at file descriptor 1024
        poll = select.poll()
        poll.register(link, select.POLLIN | select.POLLHUP | select.POLLERR)
        return bool(poll.poll(0))
    return bool(select.select([link], [], [], 0)[0])


def _header(head: bytes, name: bytes) -> bytes | None:
    at = head.find(b"\r\n" + name + b":")
    if at < 0:
        return None
    at += len(name) + 3
    end = head.find(b"\r\n", at)
    return head[at : end if end >= 0 else None].strip()


def _rest(link: socket.socket, body: bytes, length: int) -> bytes:
    if len(body) == length:
        return body
    parts, missing = [body], length - len(body)
    while missing > 0:
        more = link.recv(min(missing, 1 << 20))
        if not more:
            raise ValueError("the connection ended inside the answer")
        parts.append(more)
        missing -= len(more)
    if missing < 0:
        raise ValueError("more than the answer arrived")
    return b"".join(parts)


def _check(body: bytes, stated: bytes | None) -> None:
    if stated is not None and zlib.crc32(body) != int(stated):
        raise ValueError("the answer was damaged on its way")
