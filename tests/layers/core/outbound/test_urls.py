"""Addresses as text: which are called at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.outbound.urls import BadUrl, Url, is_loopback, parse

GOOD = {
    "https://hooks.example": Url("https", "hooks.example", 443, "/"),
    "https://Hooks.Example/a?b=c": Url("https", "hooks.example", 443, "/a?b=c"),
    "https://hooks.example:8443/x": Url("https", "hooks.example", 8443, "/x"),
    "https://[2606:4700::1111]/x": Url("https", "2606:4700::1111", 443, "/x"),
    "http://127.0.0.1:9000/": Url("http", "127.0.0.1", 9000, "/"),
    "https://hooks.example?x": Url("https", "hooks.example", 443, "/?x"),
}
BAD = [
    "",
    "hooks.example",
    "//hooks.example/",
    "ftp://hooks.example/",
    "file:///etc/passwd",
    "gopher://hooks.example/",
    "https://",
    "https:///x",
    "https://user@hooks.example/",
    "https://user:word@hooks.example/",
    "https://@hooks.example/",
    "https://hooks.example:99999/",
    "https://hooks.example:port/",
    "https://hooks.example:/",
    "https://hooks.example:22/",
    "https://hooks.example:25/",
    "https://hooks.example:0/",
    "https://hooks.example/#part",
    "https://hooks.example/a b",
    "https://hooks.example\\@evil.example/",
    "https://hooks.example/\r\nHost: evil.example",
    "https://hooks.example/\u00e9",
    "https://\u2460.example/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://a%2eexample/",
    "https://hooks.example/" + "a" * 2_000,
]


@pytest.mark.parametrize("text", GOOD)
def test_plain_addresses_are_taken_apart(text: str) -> None:
    assert parse(text) == GOOD[text]


@pytest.mark.parametrize("text", BAD)
def test_odd_addresses_are_not_called(text: str) -> None:
    with pytest.raises(BadUrl):
        parse(text)


@given(st.text(max_size=60), st.sampled_from(["", "https://", "http://", "https://[", "HTTPS:"]))
def test_whatever_it_is_it_is_an_address_or_a_bad_one(text: str, scheme: str) -> None:
    try:
        url = parse(scheme + text)
    except BadUrl:
        return
    assert url.host
    assert url.target.startswith("/")
    assert (url.authority + url.target).isprintable()


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("128.0.0.1", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
    ],
)
def test_this_machine_is_known_by_name_and_address(host: str, answer: bool) -> None:
    assert is_loopback(host) is answer


def test_the_host_header_names_the_port_only_where_it_is_not_the_usual() -> None:
    assert parse("https://a.example:8443/").authority == "a.example:8443"
    assert parse("https://a.example:443/").authority == "a.example"
    assert parse("https://[2606:4700::1]:8443/").authority == "[2606:4700::1]:8443"
