"""/admin/outbox: the letters that were kept."""

from __future__ import annotations

from typing import Any

from covey.testing.events import queue_event
from functions.mail.deliver import handler


def test_the_letter_of_a_sign_up_is_read_in_the_outbox(api: Any) -> None:
    root = api.token("root", "admin")
    api("POST", "/auth/sign-up", body={"email": "ann@example.com", "password": "long enough 1"})
    [letter] = api("GET", "/admin/outbox", token=root).json["items"]
    assert (letter["to"], letter["kind"]) == ("ann@example.com", "verify")
    read = api("GET", f"/admin/outbox/{letter['id']}", token=root).json
    assert "/auth/verify#token=" in read["text"]
    assert read["html"].startswith("<!doctype html>")


def test_a_letter_to_nobody_known_is_not_written(api: Any) -> None:
    order = {"letter": "reset", "values": {"email": "nobody@example.com"}}
    assert handler(queue_event(order), None) == {"batchItemFailures": []}
    assert api("GET", "/admin/outbox", token=api.token("root", "admin")).json == {"items": []}


def test_there_is_no_other_letter(api: Any) -> None:
    assert api("GET", "/admin/outbox/x", token=api.token("root", "admin")).status == 404
