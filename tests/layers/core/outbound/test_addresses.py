"""Which places on the network may be called."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.outbound.addresses import Reach, allows, is_public

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",  # translated (RFC 2765)
    "::127.0.0.1",  # compatible (RFC 4291, deprecated)
    "64:ff9b::a9fe:a9fe",  # NAT64 of 169.254.169.254
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.1.2.3",
    "64:ff9b:1::8.8.8.8",  # NAT64 of the network's own
    "100::1",  # discard
    "2001::1",  # Teredo
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "2002:a9fe:a9fe::1",
    "2002:808:808::1",  # 6to4 of a public one: the way there is nobody's
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",  # AWS's metadata by IPv6
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "169.253.255.255",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_and_special_places_are_not_of_the_internet(address: str) -> None:
    assert not is_public(ip_address(address))
    assert not allows(Reach.PUBLIC, address, secure=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_internet_is_called_by_https_alone(address: str) -> None:
    assert is_public(ip_address(address))
    for reach in Reach:
        assert allows(reach, address, secure=True)
        assert not allows(reach, address, secure=False)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_called_only_where_that_is_said(address: str) -> None:
    for secure in (True, False):
        assert not allows(Reach.PUBLIC, address, secure=secure)
        assert allows(Reach.LOOPBACK, address, secure=secure)
        assert allows(Reach.CONFIGURED, address, secure=secure)


def test_development_reaches_this_machine_and_no_other_private_place() -> None:
    others = [one for one in PRIVATE if not one.endswith("127.0.0.1") and one != "::1"]
    for address in others:
        loopback = address.startswith("127.")
        assert allows(Reach.LOOPBACK, address, secure=True) is loopback, address


def test_what_is_no_address_is_not_called() -> None:
    for text in ("", "localhost", "1.2.3", "0x7f000001", "127.1", "8.8.8.8 "):
        assert not allows(Reach.CONFIGURED, text, secure=True)


@given(st.integers(0, 2**32 - 1))
def test_an_address_inside_another_is_judged_as_itself(number: int) -> None:
    inner = IPv4Address(number)
    mapped = IPv6Address(0xFFFF << 32 | number)
    behind = IPv6Address((0x64FF9B << 96) | number)
    assert is_public(mapped) is is_public(behind) is is_public(inner)


@given(st.integers(0, 2**32 - 1))
def test_nothing_that_python_calls_private_is_public(number: int) -> None:
    address = IPv4Address(number)
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert not is_public(address)
