"""RATE_LIMIT over HTTP: who is counted, what a batch counts, what is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from covey import config
from covey.http import pace as http_pace
from covey.identity.pace import Pace
from covey.testing.identity import MemoryAttemptStore
from covey.wiring import services


@pytest.fixture
def limited(api: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    configured = replace(config.settings(), rate_limit=10)
    monkeypatch.setattr(http_pace, "settings", lambda: configured)
    services().__dict__["pace"] = Pace(MemoryAttemptStore(), limit=10, clock=lambda: 30.0)
    yield api


def test_nothing_is_counted_unless_it_is_asked_for(api: Any) -> None:
    answer = api("GET", "/health")
    assert "RateLimit" not in answer.headers
    assert answer.headers["Covey-Cost"].split(",")[1].strip() == "wru=0"


def test_guests_are_counted_by_address_and_told(limited: Any) -> None:
    answers = [limited("GET", "/health") for _ in range(11)]
    assert [one.status for one in answers] == [200] * 10 + [429]
    assert answers[0].headers["RateLimit-Policy"] == '"minute";q=10;w=60'
    assert answers[0].headers["RateLimit"] == '"minute";r=9;t=30'
    last = answers[-1]
    assert (last.code, last.headers["Retry-After"]) == ("rate_limited", "30")
    assert limited("GET", "/health", source_ip="203.0.113.8").status == 200


def test_callers_are_counted_by_who_they_are(limited: Any) -> None:
    ann, bob = limited.token("ann"), limited.token("bob")
    for _ in range(10):
        assert limited("GET", "/auth/me", token=ann).status == 200
    assert limited("GET", "/auth/me", token=ann, source_ip="203.0.113.9").status == 429
    assert limited("GET", "/auth/me", token=bob).status == 200
    assert limited("GET", "/health").status == 200


def test_more_keys_buy_no_more_requests(limited: Any) -> None:
    ann = limited.token("ann")
    body = {"name": "k", "scopes": {"*": ["read"]}}
    keys = [limited("POST", "/auth/keys", token=ann, body=body).json["key"] for _ in range(4)]
    told = [limited("GET", "/records/notes", token=key).status for key in (*keys, *keys)]
    assert told == [200] * 6 + [429] * 2


def test_a_batch_counts_as_many_as_it_has_operations(limited: Any) -> None:
    ann = limited.token("ann")

    def batch(count: int, first: int) -> Any:
        operations = [
            {"method": "create", "collection": "notes", "body": {"id": f"n{first + n}"}}
            for n in range(count)
        ]
        return limited("POST", "/batch", token=ann, body={"operations": operations})

    assert batch(6, 0).headers["RateLimit"] == '"minute";r=4;t=30'
    refused = batch(6, 6)
    assert refused.status == 429
    assert limited("GET", "/records/notes/n6").status == 404, "nothing of it was done"


def test_guesses_at_credentials_count_for_the_address(limited: Any) -> None:
    told = [limited("GET", "/auth/me", token=f"guess{n}").status for n in range(12)]
    assert told == [401] * 10 + [429] * 2


def test_a_wrong_credential_does_not_spend_what_its_user_has(limited: Any) -> None:
    ann = limited.token("ann")
    for _ in range(12):
        limited("GET", "/auth/me", token=ann[:-4] + "AAAA")
    assert limited("GET", "/auth/me", token=ann).status == 200
