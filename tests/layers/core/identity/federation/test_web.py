"""Calls of other servers: bounded in time and size, and no further than asked."""

from __future__ import annotations

import time
from typing import Any

import pytest

from covey.identity.federation.ports import WebFault
from covey.identity.federation.web import HttpWeb, is_callable
from tests.functions.auth.openid import drip, flood, raw


def test_an_answer_is_read() -> None:
    with raw(lambda out: out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")) as url:
        assert HttpWeb().get(url, {}).body == b"{}"


def test_redirects_are_not_followed() -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with raw(lambda out: out.write(answer)) as url:
        assert HttpWeb().get(url, {}).status == 302


def drip_body(out: Any) -> None:
    out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    drip(out)


def nonsense(out: Any) -> None:
    out.write(b"\x00\x01 nonsense\r\n\r\n")


@pytest.mark.parametrize("answer", [drip, drip_body, flood, nonsense])
def test_slow_large_and_broken_answers_end_soon(answer: Any) -> None:
    with raw(answer) as url:
        began = time.monotonic()
        with pytest.raises(WebFault):
            HttpWeb(seconds=0.4).get(url, {})
        assert time.monotonic() - began < 5


def test_nobody_there() -> None:
    with pytest.raises(WebFault):
        HttpWeb(seconds=0.5).get("http://127.0.0.1:1/", {})


@pytest.mark.parametrize(
    "url",
    [
        "http://id.acme.test/",
        "http://127.0.0.1.evil.test/",
        "http://169.254.169.254/latest/meta-data/",
        "ftp://id.acme.test/",
        "file:///etc/passwd",
        "https://a:b@id.acme.test/",
        "https:///x",
        "https://id.acme.test/\r\nHost: evil",
        "https://id.acme.test:port/",
        "https://id.acme.test\\@evil.test/",
        "https://[::1/",
    ],
)
def test_other_addresses_are_not_called(url: str) -> None:
    assert not is_callable(url)
    with pytest.raises(WebFault):
        HttpWeb().get(url, {})
