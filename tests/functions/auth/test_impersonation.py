"""/auth/impersonate, and what is not done in it."""

from __future__ import annotations

import importlib
from typing import Any

from covey.http import Operation

OPERATIONS: list[Operation] = importlib.import_module("app").app.operations
UNHARMFUL = {"/auth/sign-out", "/auth/refresh"}  # of the session itself, which gets no longer


def test_it_is_said_to_whoever_asks_and_seen_by_the_user(api: Any) -> None:
    root, ann = api.token("root", "admin"), api.token("ann")
    made = api("POST", "/auth/impersonate", token=root, body={"user": "ann"})
    assert made.status == 200
    token = made.json["access_token"]
    assert api("GET", "/auth/me", token=token).json["impersonated_by"] == "root"
    assert "impersonated_by" not in api("GET", "/auth/me", token=ann).json
    sessions = api("GET", "/auth/sessions", token=ann).json["items"]
    assert [one["impersonated"] for one in sessions].count(True) == 1
    seen = api("GET", "/admin/audit?user=ann", token=root).json["items"]
    assert ("impersonation_started", "root") in [(one["kind"], one["actor"]) for one in seen]


def test_what_proves_who_the_user_is_cannot_be_changed_in_it(api: Any) -> None:
    root = api.token("root", "admin")
    api.token("ann")
    token = api("POST", "/auth/impersonate", token=root, body={"user": "ann"}).json["access_token"]
    changing = [
        one
        for one in OPERATIONS
        if one.path.startswith("/auth/") and one.method != "GET" and not one.public
    ]
    assert {"/auth/change-password", "/auth/keys", "/auth/change-email/request"} <= {
        one.path for one in changing
    }
    for one in changing:
        target = one.path.replace("{", "").replace("}", "")
        answer = api(one.method, target, token=token, body={} if one.method != "DELETE" else None)
        assert answer.code == "impersonating", f"{one.method} {one.path}"
    for one in OPERATIONS:
        if one.impersonated:
            assert one.path in UNHARMFUL


def test_signing_out_ends_it_and_names_both(api: Any) -> None:
    root = api.token("root", "admin")
    api.token("ann")
    token = api("POST", "/auth/impersonate", token=root, body={"user": "ann"}).json["access_token"]
    assert api("POST", "/auth/sign-out", token=token).status == 204
    assert api("GET", "/auth/me", token=token).status == 401
    seen = api("GET", "/admin/audit?user=ann", token=root).json["items"]
    assert ("signed_out", "root") in [(one["kind"], one["actor"]) for one in seen]


def test_users_cannot_and_neither_can_they_learn_who_is_there(api: Any) -> None:
    ann = api.token("ann")
    told = [
        api("POST", "/auth/impersonate", token=ann, body={"user": user}).json | {"request_id": ""}
        for user in ("ann", "bob", "root")
    ]
    assert told[0] == told[1] == told[2]
    assert told[0]["code"] == "administrators_only"
    assert api("POST", "/auth/impersonate", body={"user": "ann"}).status == 401
    root = api.token("root", "admin")
    for body in ({}, {"user": 1}, {"user": "ann", "more": "x"}):
        assert api("POST", "/auth/impersonate", token=root, body=body).status == 422
