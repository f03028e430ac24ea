"""Where a sign-in may lead back to: addresses of an allow-list, and none that only look like it.

An entry that ends with ``/`` allows what is below it, any other the very path. Addresses are
compared after a strict reading of their own: what parsers disagree about (userinfo, backslashes,
encoded dots and slashes, doubled slashes, non-ASCII hosts) is refused, not interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from covey.outbound.urls import is_loopback

MAX_LENGTH = 1000
_WEB = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[::1\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
# RFC 8252, 7.1: schemes of apps are reversed domain names.
_APP = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:/{1,3}[A-Za-z0-9._~/-]*")
_TRICK = re.compile(r"//|%(?:2e|2f|5c|25|00)|/\.{1,2}(?:/|$)", re.IGNORECASE)
_PORTS = {"https": "443", "http": "80"}


@dataclass(frozen=True, slots=True)
class _Address:
    origin: tuple[str, str, str]
    path: str


class Redirects:
    """The allow-list."""

    def __init__(self, entries: Sequence[str]) -> None:
        """Raises ValueError for an entry that could never be met."""
        self._apps = frozenset(entry for entry in entries if _APP.fullmatch(entry))
        self._web = [_entry(entry) for entry in entries if entry not in self._apps]

    def allow(self, address: str) -> bool:
        """Whether a sign-in may lead to `address`."""
        if len(address) > MAX_LENGTH:
            return False
        if address in self._apps:
            return True
        read = _read(address)
        return read is not None and any(_meets(read, entry) for entry in self._web)

    def to_app(self, address: str) -> bool:
        """Whether another app of the device could claim this address, and read what it gets."""
        return address in self._apps


def _meets(address: _Address, entry: _Address) -> bool:
    if address.origin != entry.origin:
        return False
    if entry.path.endswith("/"):
        return address.path.startswith(entry.path)
    return address.path == entry.path


def _read(address: str) -> _Address | None:
    match = _WEB.fullmatch(address)
    if match is None:
        return None
    scheme, host, path = match["scheme"], match["host"], match["path"] or "/"
    if scheme == "http" and not is_loopback(host.strip("[]")):
        return None
    if ".." in host or _TRICK.search(path):
        return None
    return _Address((scheme, host, match["port"] or _PORTS[scheme]), path)


def _entry(entry: str) -> _Address:
    read = _read(entry)
    if read is None or "?" in entry:
        raise ValueError("OAUTH_REDIRECTS: not an address of https, of this machine, or of an app")
    return read
