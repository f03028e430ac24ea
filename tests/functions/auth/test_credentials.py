"""/auth over the wire: letters, their links and pages, passwords, addresses, sessions."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest

EMAIL, PASSWORD, NEW = "ann@example.test", "correct horse battery", "another horse entirely"
CREDENTIALS = {"email": EMAIL, "password": PASSWORD}


@pytest.fixture
def root(api: Any) -> str:
    return api.token("root", "admin")


@pytest.fixture
def ann(api: Any) -> Any:
    return api("POST", "/auth/sign-up", body=CREDENTIALS).json


def link(api: Any, root: str, kind: str) -> tuple[str, str]:
    """The page and the secret of the newest letter of a kind."""
    items = api("GET", "/admin/outbox", token=root).json["items"]
    letter = next(item for item in items if item["kind"] == kind)
    text = api("GET", f"/admin/outbox/{letter['id']}", token=root).json["text"]
    found = re.search(r"http://127.0.0.1:8000(/auth/[a-z-]+)#token=(\S+)", text)
    assert found is not None
    return found[1], found[2]


def test_a_forgotten_password_from_letter_to_sign_in(api: Any, ann: Any, root: str) -> None:
    asked = api("POST", "/auth/reset/request", body={"email": EMAIL})
    unknown = api("POST", "/auth/reset/request", body={"email": "nobody@example.test"})
    assert (asked.status, asked.json) == (unknown.status, unknown.json)
    assert (asked.status, asked.json) == (202, {"status": "check_mail"})
    path, token = link(api, root, "reset")
    assert "text/html" in api("GET", path).headers["Content-Type"]
    weak = api("POST", path, body={"token": token, "password": "password"})
    assert (weak.status, weak.json["errors"][0]["field"]) == (422, "password")
    assert api("POST", path, body={"token": token, "password": NEW}).status == 204
    again = api("POST", path, body={"token": token, "password": NEW})
    assert (again.status, again.code) == (401, "invalid_token")
    assert api("GET", "/auth/me", token=ann["access_token"]).code == "invalid_token"
    assert api("POST", "/auth/sign-in", body={"email": EMAIL, "password": NEW}).status == 200


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({}, 401, "password_required"),
        ({"password": "a wrong battery"}, 401, "invalid_credentials"),
        ({"new_password": "password"}, 422, "validation_failed"),
        ({"new_password": 1}, 422, "validation_failed"),
        ({"more": "x"}, 422, "validation_failed"),
        ({"password": PASSWORD}, 204, None),
        ({"new_password": NEW}, 204, None),
    ],
)
def test_a_link_opened_elsewhere_wants_to_know_whose_the_account_is(
    api: Any, ann: Any, root: str, given: dict[str, Any], status: int, code: str | None
) -> None:
    path, secret = link(api, root, "verify")
    answer = api("POST", path, body={"token": secret, **given})
    assert (answer.status, answer.code if code else None) == (status, code)
    verified = api("GET", f"/records/users/{ann['user']['id']}", token=root).json["verified"]
    assert verified is (status == 204)
    assert api("POST", "/auth/sign-in", body=CREDENTIALS).status == (
        401 if given.get("new_password") == NEW else 200
    )


def test_an_address_is_verified_and_changed(api: Any, ann: Any, root: str) -> None:
    token = ann["access_token"]
    path, secret = link(api, root, "verify")
    assert api("POST", path, body={"token": secret}).code == "password_required"
    assert api("POST", path, body={"token": secret}, token="x.y.z").code == "invalid_token"
    assert api("POST", path, body={"token": secret}, token=token).status == 204
    assert api("GET", "/auth/me", token=token).json["user"]["verified"] is True
    body = {"email": "new@example.test", "password": PASSWORD}
    asked = api("POST", "/auth/change-email/request", body=body, token=token)
    assert asked.status == 202
    path, secret = link(api, root, "change_email")
    assert api("POST", path, body={"token": secret}).status == 204
    assert api("GET", "/auth/me", token=token).json["user"]["email"] == "new@example.test"


def test_a_changed_password_answers_fresh_tokens(api: Any, ann: Any) -> None:
    body = {"password": PASSWORD, "new_password": NEW}
    changed = api("POST", "/auth/change-password", body=body, token=ann["access_token"])
    assert changed.status == 200
    assert api("GET", "/auth/me", token=ann["access_token"]).status == 401
    assert api("GET", "/auth/me", token=changed.json["access_token"]).status == 200


def test_sessions_are_listed_and_ended(api: Any, ann: Any) -> None:
    agent = {"User-Agent": "test/1"}
    other = api("POST", "/auth/sign-in", body=CREDENTIALS, headers=agent).json
    listed = api("GET", "/auth/sessions", token=ann["access_token"]).json["items"]
    assert [one["current"] for one in listed].count(True) == 1
    theirs = next(one for one in listed if not one["current"])
    assert (theirs["agent"], theirs["means"]) == ("test/1", "password")
    assert not {"family", "secret"} & theirs.keys()
    path = f"/auth/sessions/{theirs['id']}"
    assert api("DELETE", path, token=ann["access_token"]).status == 204
    assert api("DELETE", path, token=ann["access_token"]).status == 404
    assert api("GET", "/auth/me", token=other["access_token"]).status == 401
    third = api("POST", "/auth/sign-in", body=CREDENTIALS).json
    assert api("DELETE", "/auth/sessions", token=ann["access_token"]).status == 204
    assert api("GET", "/auth/me", token=third["access_token"]).status == 401
    assert api("GET", "/auth/me", token=ann["access_token"]).status == 200


def test_a_session_of_another_is_not_there(api: Any, ann: Any) -> None:
    bob = api.token("bob")
    theirs = api("GET", "/auth/sessions", token=bob).json["items"][0]["id"]
    assert api("DELETE", f"/auth/sessions/{theirs}", token=ann["access_token"]).status == 404
    assert api("GET", "/auth/me", token=bob).status == 200


def test_administrators_disable_users_and_read_what_happened(api: Any, ann: Any, root: str) -> None:
    path = f"/admin/users/{ann['user']['id']}"
    assert api("POST", f"{path}/disable", token=ann["access_token"]).status == 403
    assert api("POST", f"{path}/disable", token=root).status == 204
    assert api("GET", "/auth/me", token=ann["access_token"]).status == 401
    assert api("POST", "/auth/sign-in", body=CREDENTIALS).code == "invalid_credentials"
    assert api("POST", f"{path}/enable", token=root).status == 204
    assert api("POST", "/auth/sign-in", body=CREDENTIALS).status == 200
    assert api("DELETE", f"{path}/sessions", token=root).status == 204
    events = api("GET", f"/admin/audit?user={ann['user']['id']}&limit=3", token=root).json
    kinds = [event["kind"] for event in events["items"]]
    assert kinds == ["sessions_ended", "signed_in", "user_enabled"]
    assert events["items"][0]["actor"] == "root"
    target = f"/admin/audit?user={ann['user']['id']}&before={events['next']}"
    older = api("GET", target, token=root).json
    assert [event["kind"] for event in older["items"]] == ["user_disabled", "signed_up"]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=٣", "what=1"])
def test_a_list_of_events_that_makes_no_sense_is_refused(api: Any, root: str, query: str) -> None:
    assert api("GET", f"/admin/audit?{query}", token=root).status == 400


@pytest.mark.parametrize("page", ["verify", "reset", "change-email", "bootstrap"])
def test_a_page_runs_its_own_script_and_style_alone(api: Any, page: str) -> None:
    answer = api("GET", f"/auth/{page}")
    policy = answer.headers["Content-Security-Policy"]
    for kind in ("script", "style"):
        [inline] = re.findall(rf"<{kind}>(.*?)</{kind}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "page.css" not in answer.text
    assert " on" + "click" not in answer.text


GUESTS = [
    ("POST", "/auth/change-password", {"password": "x", "new_password": "y"}),
    ("POST", "/auth/change-email/request", {"email": EMAIL}),
    ("POST", "/auth/verify/request", None),
    ("GET", "/auth/sessions", None),
    ("DELETE", "/auth/sessions", None),
    ("DELETE", "/auth/sessions/x", None),
]


@pytest.mark.parametrize(("method", "path", "body"), GUESTS)
def test_guests_have_nothing_to_change(api: Any, method: str, path: str, body: Any) -> None:
    assert api(method, path, body=body).status in (401, 422)
    assert api(method, path, body=body).status != 500
