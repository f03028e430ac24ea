"""/admin/mail/suppressed: addresses that letters came back from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from covey.testing.events import queue_event
from functions.mail import deliver, returned

LIST = "/admin/mail/suppressed"
BOUNCE = Path(__file__).resolve().parents[2] / "events" / "mail_bounce.json"


@pytest.fixture
def root(api: Any) -> str:
    returned.handler(json.loads(BOUNCE.read_text()), None)
    return str(api.token("root", "admin"))


def test_an_address_that_bounced_gets_no_letter_until_it_is_lifted(api: Any, root: str) -> None:
    api.token("ann")
    [one] = api("GET", LIST, token=root).json["items"]
    assert (one["address"], one["reason"]) == ("ann@example.com", "bounce")
    order = queue_event({"letter": "reset", "values": {"email": "ann@example.com"}})
    # The tokens' users have addresses of example.test: one of this address is made.
    body = {"email": "ann@example.com", "password": "long enough 1"}
    assert api("POST", "/auth/sign-up", body=body).status == 201
    deliver.handler(order, None)
    assert api("GET", "/admin/outbox", token=root).json["items"] == []
    assert api("DELETE", f"{LIST}/Ann%40example.com", token=root).status == 204
    assert api("DELETE", f"{LIST}/ann%40example.com", token=root).status == 404
    deliver.handler(order, None)
    [letter] = api("GET", "/admin/outbox", token=root).json["items"]
    assert letter["kind"] == "reset"


def test_strangers_are_answered_as_for_any_other_address(api: Any, root: str) -> None:
    for email in ("ann@example.com", "ben@example.com"):
        answer = api("POST", "/auth/sign-up", body={"email": email, "password": "long enough 1"})
        assert answer.status == 201
    answers = [
        api("POST", "/auth/reset/request", body={"email": f"{name}@example.com"})
        for name in ("ann", "ben")
    ]
    first, second = ((one.status, one.text) for one in answers)
    assert first == second


def test_pages_hold_each_address_once(api: Any, root: str) -> None:
    notice = {"bounceType": "Permanent", "bouncedRecipients": []}
    notice["bouncedRecipients"] = [{"emailAddress": f"{n}@example.org"} for n in range(3)]
    returned.handler(queue_event({"eventType": "Bounce", "bounce": notice}), None)
    page = api("GET", f"{LIST}?limit=2", token=root).json
    rest = api("GET", f"{LIST}?limit=2&after={page['next']}", token=root).json
    found = [one["address"] for one in [*page["items"], *rest["items"]]]
    assert found == ["0@example.org", "1@example.org", "2@example.org", "ann@example.com"]
    assert rest["next"] is None


def test_nobody_else_sees_them(api: Any, root: str) -> None:
    for method, path in (("GET", LIST), ("DELETE", f"{LIST}/ann@example.com")):
        assert api(method, path).status == 401
        assert api(method, path, token=api.token("ben")).status == 403
    assert api("GET", f"{LIST}?after={'x' * 999}", token=root).status == 400
    assert api("GET", f"{LIST}?limit=0", token=root).status == 400
    assert api("DELETE", f"{LIST}/{'x' * 999}", token=root).status == 404
