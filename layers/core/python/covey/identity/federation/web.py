"""Calls of identity providers: https, no redirects, bounded in time and size.

Plain http reaches this machine alone (RFC 8252, 8.3), for providers of tests. Who runs Covey says
which providers there are, so they may be of a private network.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from covey.identity.federation.ports import Reply, WebFault
from covey.outbound.addresses import Reach
from covey.outbound.client import Client, Unreachable
from covey.outbound.urls import BadUrl, is_loopback, parse

CALL_S = 6.0
CONNECT_S = 3.0
MAX_BYTES = 262_144


class HttpWeb:
    """The port `Web` over the network."""

    def __init__(self, *, seconds: float = CALL_S, max_bytes: int = MAX_BYTES) -> None:
        self._client = Client(
            Reach.CONFIGURED,
            total_s=seconds,
            connect_s=min(CONNECT_S, seconds),
            max_bytes=max_bytes,
        )

    def get(self, url: str, headers: Mapping[str, str]) -> Reply:
        """As `Web.get`."""
        return self._call("GET", url, b"", headers)

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        """As `Web.post`."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return self._call("POST", url, urlencode(form).encode(), sent)

    def _call(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        if not is_callable(url):
            raise WebFault("an address that is not called")
        sent = {"User-Agent": "Covey", "Accept": "application/json", **headers}
        try:
            answer = self._client.send(method, url, sent, body)
        except Unreachable as fault:
            raise WebFault(str(fault)) from fault
        if answer.cut:
            raise WebFault(answer.cut)
        return Reply(answer.status, answer.body)


def is_callable(url: str) -> bool:
    """Whether `url` is https, or http on this machine, of a plain form."""
    try:
        parts = parse(url)
    except BadUrl:
        return False
    return parts.scheme == "https" or is_loopback(parts.host)
