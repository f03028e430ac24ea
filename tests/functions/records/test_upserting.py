"""`on_conflict` over the wire."""

from __future__ import annotations

from typing import Any

import pytest

TARGET = "/records/posts?on_conflict=slug"


def test_a_post_is_made_then_changed(api: Any) -> None:
    ada = api.token("ada")
    made = api("POST", TARGET, body={"title": "One", "slug": "s"}, token=ada)
    assert (made.status, made.headers["ETag"]) == (201, '"1"')
    assert made.headers["Location"].endswith(made.json["id"])
    changed = api(
        "POST", f"{TARGET}&fields=views", body={"slug": "s", "views": {"$inc": 3}}, token=ada
    )
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    assert changed.json == {"id": made.json["id"], "views": 3}
    assert "Location" not in changed.headers


def test_a_key_makes_it_once(api: Any) -> None:
    ada = api.token("ada")
    body = {"title": "One", "slug": "s", "views": {"$inc": 1}}
    sent = [
        api("POST", TARGET, body=body, token=ada, headers={"Idempotency-Key": "k"}) for _ in "ab"
    ]
    assert [one.status for one in sent] == [201, 201]
    assert sent[0].text == sent[1].text
    assert sent[1].json["views"] == 1


def test_another_callers_hidden_record_is_a_taken_value(api: Any) -> None:
    api("POST", TARGET, body={"title": "One", "slug": "s"}, token=api.token("ada"))
    answer = api("POST", TARGET, body={"title": "Two", "slug": "s"}, token=api.token("ben"))
    assert (answer.status, answer.code) == (409, "unique_violation")


@pytest.mark.parametrize(
    ("by", "code"),
    [
        ("", "invalid_on_conflict"),
        ("title", "invalid_on_conflict"),
        ("slug,slug", "invalid_on_conflict"),
        ("secret", "invalid_on_conflict"),
        ("%00", "invalid_on_conflict"),
        ("slug&on_conflict=slug", "invalid_parameter"),
        ("slug&filter=true", "invalid_parameter"),
    ],
)
def test_what_finds_no_record_is_refused(api: Any, by: str, code: str) -> None:
    target = f"/records/posts?on_conflict={by}"
    answer = api("POST", target, body={"title": "One", "slug": "s"}, token=api.token("ada"))
    assert (answer.status, answer.code) == (400, code)
