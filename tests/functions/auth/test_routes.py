"""/auth over the wire: what a client sends and what it gets."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest

from covey.wiring import services
from functions.auth.handler import handler

EMAIL, PASSWORD = "ann@example.test", "correct horse battery"
CREDENTIALS = {"email": EMAIL, "password": PASSWORD}
WRONG = {"email": EMAIL, "password": "wrong password"}


@pytest.fixture
def ann(api: Any) -> Any:
    return api("POST", "/auth/sign-up", body={**CREDENTIALS, "name": "Ann"}).json


def test_a_whole_visit(api: Any) -> None:
    made = api("POST", "/auth/sign-up", body=CREDENTIALS)
    assert made.status == 201
    assert made.json.keys() == {
        "user", "access_token", "refresh_token", "token_type", "expires_in"
    }  # fmt: skip
    assert (made.json["token_type"], made.json["expires_in"]) == ("Bearer", 900)
    assert made.headers["Cache-Control"] == "no-store"
    signed_in = api("POST", "/auth/sign-in", body=CREDENTIALS)
    assert signed_in.status == 200
    mine = api("GET", "/auth/me", token=signed_in.json["access_token"])
    assert (mine.status, mine.json) == (200, {"user": made.json["user"]})
    post = api("POST", "/records/posts", body={"title": "x"}, token=mine_token(signed_in))
    assert post.json["author"] == made.json["user"]["id"]
    body = {"refresh_token": signed_in.json["refresh_token"]}
    refreshed = api("POST", "/auth/refresh", body=body)
    assert (refreshed.status, refreshed.json["user"]) == (200, made.json["user"])
    out = api("POST", "/auth/sign-out", body={"refresh_token": refreshed.json["refresh_token"]})
    assert (out.status, out.text) == (204, "")
    again = api("POST", "/auth/refresh", body={"refresh_token": refreshed.json["refresh_token"]})
    assert (again.status, again.code) == (401, "invalid_token")


def mine_token(answer: Any) -> str:
    return str(answer.json["access_token"])


def test_signing_out_by_access_token(api: Any, ann: Any) -> None:
    assert api("POST", "/auth/sign-out", token=ann["access_token"]).status == 204
    answer = api("POST", "/auth/refresh", body={"refresh_token": ann["refresh_token"]})
    assert (answer.status, answer.code) == (401, "invalid_token")


def test_a_taken_email_is_a_conflict_of_that_field(api: Any, ann: Any) -> None:
    answer = api("POST", "/auth/sign-up", body=CREDENTIALS)
    assert (answer.status, answer.code) == (409, "unique_violation")
    assert [fault["field"] for fault in answer.json["errors"]] == ["email"]


def test_failures_to_sign_in_answer_alike(api: Any, ann: Any) -> None:
    bodies = [WRONG, {**CREDENTIALS, "email": "nobody@example.test"}, {**WRONG, "email": "x"}]
    answers = [api("POST", "/auth/sign-in", body=body) for body in bodies]
    seen = {
        (a.status, a.headers["WWW-Authenticate"], str({**a.json, "request_id": ""}))
        for a in answers
    }
    assert len(seen) == 1
    assert (answers[0].status, answers[0].code) == (401, "invalid_credentials")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        pytest.param("sign-up", "{", 400, "invalid_json", id="malformed"),
        pytest.param("sign-up", "[]", 400, "invalid_json", id="a-list"),
        pytest.param("sign-up", '{"email":"\\ud800","password":"x"}', 400, "invalid_json",
                     id="a-lone-surrogate"),
        pytest.param("sign-up", {}, 422, "validation_failed", id="nothing"),
        pytest.param("sign-up", {**CREDENTIALS, "roles": ["admin"]}, 403, "field_write_denied",
                     id="a-role"),
        pytest.param("sign-in", {}, 422, "validation_failed", id="no-credentials"),
        pytest.param("sign-in", {**CREDENTIALS, "email": [EMAIL]}, 422, "validation_failed",
                     id="email-a-list"),
        pytest.param("sign-in", {**CREDENTIALS, "password": {"$ne": None}}, 422,
                     "validation_failed", id="password-an-object"),
        pytest.param("sign-in", {**CREDENTIALS, "admin": True}, 422, "validation_failed",
                     id="unknown-field"),
        pytest.param("refresh", {}, 422, "validation_failed", id="no-token"),
        pytest.param("refresh", {"refresh_token": None}, 422, "validation_failed", id="null"),
        pytest.param("refresh", {"refresh_token": "x"}, 401, "invalid_token", id="nonsense"),
        pytest.param("sign-out", {"refresh_token": "x"}, 401, "invalid_token", id="sign-out"),
        pytest.param("bootstrap", {**CREDENTIALS, "token": "x"}, 401, "invalid_token",
                     id="bootstrap-without-an-offer"),
        pytest.param("bootstrap", CREDENTIALS, 422, "validation_failed", id="no-bootstrap-token"),
    ],
)  # fmt: skip
def test_bad_input(api: Any, path: str, body: Any, status: int, code: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api("POST", f"/auth/{path}", body=body, headers=headers)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("path", ["sign-up", "sign-in", "refresh", "sign-out", "bootstrap"])
def test_a_form_is_not_taken(api: Any, path: str) -> None:
    answer = api(
        "POST",
        f"/auth/{path}",
        body="email=ann%40example.test",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "header", ["Bearer x", "Basic dTpw", "Bearer " + "a" * 5000, "Bearer é"]
)  # fmt: skip
def test_a_credential_that_does_not_hold_is_refused_on_every_route(api: Any, header: str) -> None:
    headers = {"Authorization": header}
    for method, path in [
        ("GET", "/auth/me"),
        ("GET", "/records/posts"),
        ("POST", "/auth/sign-out"),
    ]:
        answer = api(method, path, headers=headers)
        assert (answer.status, answer.code) == (401, "invalid_token")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_guest_has_no_self(api: Any) -> None:
    answer = api("GET", "/auth/me")
    assert (answer.status, answer.code) == (401, "unauthenticated")


def test_a_stale_access_token_does_not_stand_in_the_way_of_fresh_ones(api: Any, ann: Any) -> None:
    stale = {"Authorization": "Bearer stale"}
    assert api("POST", "/auth/sign-in", body=CREDENTIALS, headers=stale).status == 200
    body = {"refresh_token": ann["refresh_token"]}
    assert api("POST", "/auth/refresh", body=body, headers=stale).status == 200


def test_guessing_answers_429_and_when_to_come_back(api: Any, ann: Any) -> None:
    answers = [api("POST", "/auth/sign-in", body=WRONG) for _ in range(11)]
    assert [answer.status for answer in answers] == [401] * 10 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 901


def test_nobody_reads_who_else_is_there(api: Any, ann: Any) -> None:
    bob = api("POST", "/auth/sign-up", body={**CREDENTIALS, "email": "bob@example.test"}).json
    seen = api("GET", f"/records/users/{ann['user']['id']}", token=bob["access_token"])
    assert seen.json["name"] == "Ann"
    assert "email" not in seen.json
    assert api("GET", f"/records/users/{ann['user']['id']}").status in (401, 404)


def test_a_user_cannot_make_themselves_an_administrator(api: Any, ann: Any) -> None:
    path = f"/records/users/{ann['user']['id']}"
    for change in ({"roles": ["admin"]}, {"verified": True}, {"email": "root@example.test"}):
        assert api("PATCH", path, body=change, token=ann["access_token"]).status == 403
    assert api("GET", "/auth/me", token=ann["access_token"]).json["user"] == ann["user"]


def test_no_secret_of_an_account_is_in_reach_of_records(api: Any, ann: Any) -> None:
    root = api.token("root", "admin")
    for name in ("!account", "!session", "!signing", "!bootstrap", "_accounts"):
        assert api("GET", f"/records/{name.replace('!', '%21')}", token=root).status == 404
    listed = api("GET", "/records/users", token=root)
    assert listed.status == 200
    assert "argon2" not in listed.text


def test_the_public_keys_are_public_and_only_public(api: Any, ann: Any) -> None:
    answer = api.send(handler, api.event("GET", "/.well-known/jwks.json"))
    (key,) = answer.json["keys"]
    assert key.keys() == {"kty", "crv", "x", "kid", "use", "alg"}
    assert answer.headers["Cache-Control"] == "public, max-age=300"


def test_the_bootstrap_link_makes_the_first_administrator(api: Any) -> None:
    token = services().first_administrator.offer()
    made = api("POST", "/auth/bootstrap", body={**CREDENTIALS, "token": token})
    assert (made.status, made.json["user"]["roles"]) == (201, ["admin"])
    assert api("GET", "/records/ledger", token=made.json["access_token"]).status == 200
    again = api("POST", "/auth/bootstrap", body={**CREDENTIALS, "token": token})
    assert (again.status, again.code) == (409, "administrator_exists")


def test_the_bootstrap_page_runs_its_own_script_and_style_alone(api: Any) -> None:
    page = api("GET", "/auth/bootstrap")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in page.headers["Content-Security-Policy"].split(";")
    )
    for kind in ("script", "style"):
        (text,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy[f"{kind}-src"] == f"'sha256-{digest}'"
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in str(policy)
    assert not re.search(r"<[^>]* (on\w+|style|src)=", page.text)
    assert "http" not in re.sub(r"http-equiv", "", page.text)
