"""Metadata and keys of a provider: remembered, and believed only where they may be."""

from __future__ import annotations

from typing import Any

import pytest

from covey.errors import Unavailable
from covey.identity.federation.discovery import Directory
from covey.identity.federation.ports import Reply
from tests.layers.core.identity.federation.scripted import (
    ISSUER,
    METADATA,
    ok,
    provider,
    web,
)

CONFIGURATION = f"{ISSUER}/.well-known/openid-configuration"


class Clock:
    """In hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_metadata_and_keys_are_asked_for_once_an_hour() -> None:
    asked, clock = web(), Clock()
    directory = Directory(asked, clock=clock)
    for _ in range(3):
        directory.keys(directory.metadata(provider()), "rsa")
    assert len(asked.asked) == 2
    clock.now += 3601
    directory.keys(directory.metadata(provider()), "rsa")
    assert len(asked.asked) == 4


def test_an_unknown_key_has_them_read_again_but_not_for_each_token() -> None:
    asked, clock = web(), Clock()
    directory = Directory(asked, clock=clock)
    metadata = directory.metadata(provider())
    for _ in range(20):
        assert directory.keys(metadata, "unknown") == []
    assert asked.asked.count(f"{ISSUER}/jwks") == 1
    clock.now += 61
    directory.keys(metadata, "unknown")
    assert asked.asked.count(f"{ISSUER}/jwks") == 2


def test_a_provider_that_is_away_is_left_alone_for_a_while() -> None:
    asked, clock = web(), Clock()
    del asked.answers[CONFIGURATION]
    directory = Directory(asked, clock=clock)
    for _ in range(5):
        with pytest.raises(Unavailable) as failure:
            directory.metadata(provider())
        assert failure.value.headers["Retry-After"] == "10"
    assert len(asked.asked) == 1
    clock.now += 11
    asked.answers[CONFIGURATION] = ok(METADATA)
    assert directory.metadata(provider()).issuer == ISSUER


WRONG: dict[str, Any] = {
    "another issuer": ok({**METADATA, "issuer": "https://evil.test"}),
    "an issuer with a slash": ok({**METADATA, "issuer": f"{ISSUER}/"}),
    "plain http": ok({**METADATA, "token_endpoint": "http://id.acme.test/token"}),
    "this machine": ok({**METADATA, "token_endpoint": "http://127.0.0.1:8000/token"}),
    "a file": ok({**METADATA, "jwks_uri": "file:///etc/passwd"}),
    "an address with credentials": ok({**METADATA, "jwks_uri": "https://a:b@id.acme.test/"}),
    "no addresses": ok({"issuer": ISSUER}),
    "a list": ok([METADATA]),
    "no JSON": lambda _: Reply(200, b"<html>"),
    "no UTF-8": lambda _: Reply(200, b"\xff\xfe"),
    "brackets without end": lambda _: Reply(200, b"[" * 100_000),
    "a number without end": lambda _: Reply(200, b'{"issuer": 1e999999999}'),
    "elsewhere": ok({}, 302),
    "an error": ok(METADATA, 500),
    "missing": ok(METADATA, 404),
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_believed_is_a_provider_that_is_away(answer: Any) -> None:
    asked = web()
    asked.answers[CONFIGURATION] = answer
    with pytest.raises(Unavailable):
        Directory(asked).metadata(provider())
