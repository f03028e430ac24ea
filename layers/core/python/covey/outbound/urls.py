"""Addresses as text: which are called at all."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_URL = 2_000
PORTS = {"https": 443, "http": 80}
FIRST_OPEN_PORT = 1_024  # below are other services of old


class BadUrl(ValueError):
    """An address that is not called; as text, why: goes on from the address."""


@dataclass(frozen=True, slots=True)
class Url:
    """An address in parts; `host` in lower case and without brackets."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """As the Host header has it (RFC 9110, 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse(text: str) -> Url:
    """The parts of an https or http address of a plain form; raises BadUrl.

    Parsers of addresses differ in what they make of odd ones, and what one has checked another
    then calls: so there are none with credentials, backslashes, blanks or characters beyond ASCII.
    """
    if len(text) > MAX_URL:
        raise BadUrl(f"must have at most {MAX_URL} characters")
    if not (text.isascii() and text.isprintable()) or " " in text or "\\" in text:
        raise BadUrl("must be printable ASCII without blanks and backslashes")
    try:
        parts = urlsplit(text)
        port, host = parts.port, (parts.hostname or "")
    except ValueError:
        raise BadUrl("is no address") from None
    if parts.scheme not in PORTS:
        raise BadUrl("must be an https address")
    if not host or parts.netloc.endswith(":"):
        raise BadUrl("must name a host")
    if "@" in parts.netloc:
        raise BadUrl("must not hold a user or password")
    if "#" in text:
        raise BadUrl("must not have a fragment")
    if "%" in host:
        raise BadUrl("must name a host without percent signs")
    port = PORTS[parts.scheme] if port is None else port
    if port not in PORTS.values() and port < FIRST_OPEN_PORT:
        raise BadUrl("must have port 443, 80, or one from 1024 on")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Url(parts.scheme, host, port, target)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
