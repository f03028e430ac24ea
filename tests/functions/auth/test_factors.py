"""/auth over the wire: codes and links by mail, second factors, passkeys."""

from __future__ import annotations

import re
import time
from typing import Any

import pyotp
import pytest

from tests.layers.core.identity.device import Device

EMAIL, PASSWORD = "ann@example.test", "correct horse battery"
CREDENTIALS = {"email": EMAIL, "password": PASSWORD}


@pytest.fixture
def root(api: Any) -> str:
    return api.token("root", "admin")


@pytest.fixture
def ann(api: Any) -> Any:
    return api("POST", "/auth/sign-up", body=CREDENTIALS).json


def letter(api: Any, root: str, kind: str) -> str:
    items = api("GET", "/admin/outbox", token=root).json["items"]
    found = next(item for item in items if item["kind"] == kind)
    return api("GET", f"/admin/outbox/{found['id']}", token=root).json["text"]


def test_a_code_by_mail_from_letter_to_sign_in(api: Any, ann: Any, root: str) -> None:
    asked = api("POST", "/auth/otp/request", body={"email": EMAIL})
    unknown = api("POST", "/auth/otp/request", body={"email": "nobody@example.test"})
    assert asked.status == unknown.status == 202
    assert asked.json.keys() == unknown.json.keys() == {"status", "flow"}
    code = re.search(r"\b\d{6}\b", letter(api, root, "code"))[0]
    stranger = api("POST", "/auth/otp", body={"flow": unknown.json["flow"], "code": code})
    assert (stranger.status, stranger.code) == (401, "invalid_token")
    body = {"flow": asked.json["flow"], "code": code}
    entered = api("POST", "/auth/otp", body=body)
    assert entered.status == 200
    assert entered.json["user"]["verified"] is True
    again = api("POST", "/auth/otp", body=body)
    assert (again.status, again.code, again.json["detail"]) == (
        401,
        "invalid_token",
        stranger.json["detail"],
    )


def test_a_link_signs_in_the_browser_that_asked(api: Any, ann: Any, root: str) -> None:
    asked = api("POST", "/auth/magic/request", body={"email": EMAIL}).json
    thief = api("POST", "/auth/magic/request", body={"email": "thief@example.test"}).json
    found = re.search(r"http://127.0.0.1:8000(/auth/magic)#token=(\S+)", letter(api, root, "magic"))
    assert found is not None
    path, token = found[1], found[2]
    assert "text/html" in api("GET", path).headers["Content-Type"]
    assert api("POST", path, body={"flow": thief["flow"], "token": token}).code == "invalid_token"
    assert api("POST", path, body={"flow": asked["flow"], "token": token}).status == 200
    assert api("POST", path, body={"flow": asked["flow"], "token": token}).status == 401


def test_an_authenticator_app_from_secret_to_second_factor(api: Any, ann: Any, root: str) -> None:
    token = ann["access_token"]
    offered = api("POST", "/auth/mfa/totp", body={"password": PASSWORD}, token=token)
    assert offered.status == 200
    assert offered.json["uri"].startswith("otpauth://totp/Covey:ann%40example.test?secret=")
    app = pyotp.TOTP(offered.json["secret"])
    wrong = api("POST", "/auth/mfa/totp/confirm", body={"code": "abcdef"}, token=token)
    assert (wrong.status, wrong.code) == (401, "invalid_credentials")
    before = app.at(time.time() - 30)
    on = api("POST", "/auth/mfa/totp/confirm", body={"code": before}, token=token)
    assert on.status == 200
    codes = on.json["recovery_codes"]
    assert len(set(codes)) == 10
    assert api("GET", "/auth/mfa", token=token).json == {
        "totp": True,
        "recovery_codes": 10,
        "passkeys": 0,
        "password": True,
    }
    assert "authenticator app was added" in letter(api, root, "factor_changed")
    first = api("POST", "/auth/sign-in", body=CREDENTIALS)
    assert first.status == 200
    assert first.json.keys() == {"status", "flow", "factors"}
    assert (first.json["status"], first.json["factors"]) == ("mfa_required", ["totp", "recovery"])
    flow = first.json["flow"]
    reused = api("POST", "/auth/mfa", body={"flow": flow, "code": before})
    assert (reused.status, reused.code) == (401, "invalid_credentials")
    entered = api("POST", "/auth/mfa", body={"flow": flow, "code": app.now()})
    assert entered.json["user"]["id"] == ann["user"]["id"]
    assert api("POST", "/auth/mfa", body={"flow": flow, "code": codes[0]}).code == "invalid_token"
    flow = api("POST", "/auth/sign-in", body=CREDENTIALS).json["flow"]
    assert api("POST", "/auth/mfa", body={"flow": flow, "code": codes[0]}).status == 200
    renewed = api("POST", "/auth/mfa/recovery-codes", body={"code": codes[1]}, token=token)
    assert renewed.status == 200
    fresh = renewed.json["recovery_codes"]
    gone = api("DELETE", "/auth/mfa/totp", body={"code": codes[2]}, token=token)
    assert (gone.status, gone.code) == (401, "invalid_credentials")
    assert api("DELETE", "/auth/mfa/totp", body={"code": fresh[0]}, token=token).status == 204
    assert "access_token" in api("POST", "/auth/sign-in", body=CREDENTIALS).json


def test_a_passkey_from_options_to_sign_in(api: Any, ann: Any) -> None:
    token = ann["access_token"]
    device = Device("http://localhost:8000")
    offered = api("POST", "/auth/passkeys/options", token=token)
    assert (offered.status, offered.json["rp"]["id"]) == (200, "localhost")
    body = {"credential": device.create(offered.json), "name": "Phone"}
    made = api("POST", "/auth/passkeys", body=body, token=token)
    assert (made.status, made.json["name"], made.json["used"]) == (201, "Phone", None)
    host = {"Host": "evil.test"}
    asked = api("POST", "/auth/passkeys/sign-in/options", headers=host)
    assert asked.json["rpId"] == "localhost"
    credential = {"credential": device.get(asked.json)}
    entered = api("POST", "/auth/passkeys/sign-in", body=credential)
    assert (entered.status, entered.json["user"]["id"]) == (200, ann["user"]["id"])
    again = api("POST", "/auth/passkeys/sign-in", body=credential)
    assert (again.status, again.code) == (401, "invalid_credentials")
    (kept,) = api("GET", "/auth/passkeys", token=token).json["items"]
    assert kept["used"] is not None
    other = api("POST", "/auth/sign-up", body={**CREDENTIALS, "email": "b@example.test"}).json
    path = f"/auth/passkeys/{kept['id']}"
    assert api("DELETE", path, token=other["access_token"]).status == 404
    assert api("DELETE", path, token=token).status == 204
    assert api("GET", "/auth/passkeys", token=token).json["items"] == []


def test_a_passkey_is_a_second_factor(api: Any, ann: Any) -> None:
    token, device = ann["access_token"], Device("http://localhost:8000")
    offered = api("POST", "/auth/passkeys/options", token=token).json
    api("POST", "/auth/passkeys", body={"credential": device.create(offered)}, token=token)
    secret = api("POST", "/auth/mfa/totp", body={"password": PASSWORD}, token=token).json["secret"]
    code = pyotp.TOTP(secret).now()
    assert api("POST", "/auth/mfa/totp/confirm", body={"code": code}, token=token).status == 200
    first = api("POST", "/auth/sign-in", body=CREDENTIALS).json
    assert first["factors"] == ["totp", "recovery", "passkey"]
    odd = [{"credential": "x"}, {"credential": {}, "code": "1"}, {"credential": {}, "more": 1}]
    for body in odd:
        answer = api("POST", "/auth/mfa", body={"flow": first["flow"], **body})
        assert (answer.status, answer.code) == (422, "validation_failed"), body
    empty = api("POST", "/auth/mfa", body={"flow": first["flow"], "credential": {}})
    assert (empty.status, empty.code) == (401, "invalid_credentials")
    credential = device.get(api("POST", "/auth/passkeys/sign-in/options").json)
    body = {"flow": first["flow"], "credential": credential}
    assert api("POST", "/auth/mfa", body=body).json["user"]["id"] == ann["user"]["id"]
    assert api("POST", "/auth/mfa", body=body).code == "invalid_token"


ROUTES = [
    ("POST", "/auth/otp/request", ["email"]),
    ("POST", "/auth/otp", ["flow", "code"]),
    ("POST", "/auth/magic/request", ["email"]),
    ("POST", "/auth/magic", ["flow", "token"]),
    ("POST", "/auth/mfa", ["flow", "code"]),
    ("POST", "/auth/mfa/totp/confirm", ["code"]),
    ("DELETE", "/auth/mfa/totp", ["code"]),
    ("POST", "/auth/mfa/recovery-codes", ["code"]),
    ("POST", "/auth/passkeys", ["credential"]),
    ("POST", "/auth/passkeys/sign-in", ["credential"]),
]


def test_bodies_of_other_shapes_are_told_so(api: Any, ann: Any) -> None:
    token = ann["access_token"]
    for method, path, names in ROUTES:
        for value in (None, 7, [], {"a": 1} if names != ["credential"] else "x"):
            answer = api(method, path, body=dict.fromkeys(names, value), token=token)
            assert (answer.status, answer.code) == (422, "validation_failed"), (path, value)
        missing = api(method, path, body={}, token=token)
        assert (missing.status, missing.json["errors"][0]["field"]) == (422, names[0])
        extra = api(method, path, body={**dict.fromkeys(names, "x"), "more": 1}, token=token)
        assert extra.status == 422
        for name in names:
            odd = dict.fromkeys(names, "x") | {name: "\x00" * 100_000}
            assert api(method, path, body=odd, token=token).status < 500


OWN = [
    ("GET", "/auth/mfa", None),
    ("POST", "/auth/mfa/totp", {}),
    ("POST", "/auth/mfa/totp/confirm", {"code": "1"}),
    ("DELETE", "/auth/mfa/totp", {"code": "1"}),
    ("POST", "/auth/mfa/recovery-codes", {"code": "1"}),
    ("POST", "/auth/passkeys/options", {}),
    ("POST", "/auth/passkeys", {"credential": {}}),
    ("GET", "/auth/passkeys", None),
    ("DELETE", "/auth/passkeys/x", {}),
]


def test_guests_set_nothing_up(api: Any) -> None:
    for method, path, body in OWN:
        answer = api(method, path, **({} if body is None else {"body": body}))
        assert (answer.status, answer.code) == (401, "unauthenticated"), path


def test_an_administrator_removes_lost_factors(api: Any, ann: Any, root: str) -> None:
    path = f"/admin/users/{ann['user']['id']}/factors"
    assert api("DELETE", path, token=ann["access_token"]).code == "administrators_only"
    assert api("DELETE", path, token=root).status == 204
    assert api("GET", "/auth/me", token=ann["access_token"]).code == "invalid_token"


def test_a_record_without_an_account_signs_in_by_code(api: Any, root: str) -> None:
    made = api("PUT", "/records/users/zoe", body={"email": "zoe@example.test"}, token=root)
    assert made.status == 201
    flow = api("POST", "/auth/otp/request", body={"email": "zoe@example.test"}).json["flow"]
    code = re.search(r"\b\d{6}\b", letter(api, root, "code"))[0]
    entered = api("POST", "/auth/otp", body={"flow": flow, "code": code})
    assert (entered.status, entered.json["user"]["id"]) == (200, "zoe")
    assert api("GET", "/auth/me", token=entered.json["access_token"]).status == 200
