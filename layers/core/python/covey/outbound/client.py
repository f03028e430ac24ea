"""A request to another server, and its answer.

The name is resolved once, every address that it has is looked at, and the connection goes to one
of those: a name that means something else a moment later leads nowhere new. Redirects are answers
like others. One deadline holds for all of a call, from the name to the last byte that is read.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, cast

from covey.outbound import resolving, wire
from covey.outbound.addresses import Reach, allows
from covey.outbound.urls import BadUrl, Url, parse

TOTAL_S = 15.0
CONNECT_S = 5.0
MAX_BYTES = 16_384
HEAD_BYTES = 65_536  # of status and header lines
_TLS = "its certificate is not accepted"


class Unreachable(Exception):
    """No answer; as text why, for people, with nothing that an answer said.

    `refused` where the address is one that is not called, so that trying again is no use now.
    """

    def __init__(self, why: str, *, refused: bool = False) -> None:
        super().__init__(why)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: headers by lower-case name, the beginning of the body.

    `cut` says why the body is not whole: it was too long, too slow or broke off.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: str = ""


class Outbound(Protocol):
    """Calls other servers; `covey.testing.outbound.ScriptedOutbound` stands in."""

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer of `url`; raises Unreachable."""
        ...


@dataclass(frozen=True)
class Client:
    """The port `Outbound` over the network."""

    reach: Reach
    total_s: float = TOTAL_S
    connect_s: float = CONNECT_S
    max_bytes: int = MAX_BYTES
    resolve: resolving.Resolve = resolving.system
    trust: Callable[[], ssl.SSLContext] = field(default=ssl.create_default_context)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return self.trust()  # reads a file of certificates: once, and not before it is needed

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """As `Outbound.send`; `headers` are the caller's to check."""
        try:
            parts = parse(url)
        except BadUrl as wrong:
            raise Unreachable(f"the address {wrong}", refused=True) from wrong
        deadline = wire.Deadline(self.total_s)
        try:
            addresses = self._addresses(parts, deadline)
            context = self._context if parts.scheme == "https" else None
            link = wire.connect(parts, addresses, deadline, self.connect_s, context)
            connection = wire.Wire(link, deadline, HEAD_BYTES + self.max_bytes)
            try:
                return _exchange(connection, parts, method, headers, body, self.max_bytes)
            finally:
                connection.end()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(_why(error)) from error

    def _addresses(self, url: Url, deadline: wire.Deadline) -> list[str]:
        found = list(self.resolve(url.host, url.port, deadline.left(self.connect_s)))
        # All of them: of a name with a public and a private address either might be met next.
        secure = url.scheme == "https"
        if not found or not all(allows(self.reach, one, secure=secure) for one in found):
            raise Unreachable("the address is not one that may be called", refused=True)
        return found


def _exchange(
    connection: wire.Wire,
    url: Url,
    method: str,
    headers: Mapping[str, str],
    body: bytes,
    most: int,
) -> Answer:
    speaker = http.client.HTTPConnection(url.host, url.port)
    speaker.sock = cast("Any", connection)
    sent = {"Host": url.authority, "Connection": "close", **headers}
    speaker.request(method, url.target, body=body or None, headers=sent)
    response = speaker.getresponse()
    told = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, told, *_body(response, most))


def _body(response: http.client.HTTPResponse, most: int) -> tuple[bytes, str]:
    """The beginning of a body, and why it is not all of it."""
    read = bytearray()
    try:
        while len(read) <= most:
            piece = response.read1(most + 1 - len(read))
            if not piece:
                whole = not response.length  # a body that broke off has bytes to come
                return bytes(read), "" if whole else "it broke off"
            read += piece
    except (OSError, http.client.HTTPException, ValueError) as error:
        return bytes(read[:most]), _why(error)
    return bytes(read[:most]), "too long"


def _why(error: Exception) -> str:
    """What went wrong, in words that hold nothing of an answer's."""
    if isinstance(error, wire.TooSlow | TimeoutError):
        return "too slow"
    if isinstance(error, wire.TooMuch):
        return "too long"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _TLS
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    return f"{type(error).__name__}"
