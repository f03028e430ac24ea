"""Which places on the network may be called.

By the IANA registries of special-purpose addresses (RFC 6890 and its updates), written out:
`ipaddress.is_global` changes with Python's version and takes NAT64 for global, whatever is behind.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_SPECIAL = tuple(
    IPv4Network(one)
    for one in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, where clouds keep credentials
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")  # all that is given out; the rest is special or nobody's
_SPECIAL_6 = tuple(
    IPv6Network(one)
    for one in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which leads to any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


class Reach(StrEnum):
    """How far a caller may reach."""

    PUBLIC = "public"  # the internet, by https
    LOOPBACK = "loopback"  # and this machine, by http too: for development
    CONFIGURED = "configured"  # wherever the operator has said; this machine by http too


def allows(reach: Reach, address: str, *, secure: bool) -> bool:
    """Whether a connection to `address` may be opened, `secure` where it is https."""
    try:
        place = ip_address(address)
    except ValueError:
        return False
    if _is_loopback(place):
        return reach is not Reach.PUBLIC
    return secure and (reach is Reach.CONFIGURED or is_public(place))


def is_public(place: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the internet's, and not of a private network behind it."""
    if isinstance(place, IPv4Address):
        return not any(place in network for network in _SPECIAL)
    if place.scope_id is not None:
        return False
    inner = _embedded(place)
    if inner is not None:
        return is_public(inner)
    return place in _GLOBAL_6 and not any(place in network for network in _SPECIAL_6)


def _embedded(place: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that is meant: a mapped one, or one behind NAT64."""
    if place.ipv4_mapped is not None:
        return place.ipv4_mapped
    return IPv4Address(int(place) & 0xFFFF_FFFF) if place in _NAT64 else None


def _is_loopback(place: IPv4Address | IPv6Address) -> bool:
    if isinstance(place, IPv6Address) and place.ipv4_mapped is not None:
        return place.ipv4_mapped.is_loopback
    return place.is_loopback
