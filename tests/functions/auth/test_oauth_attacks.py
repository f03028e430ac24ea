"""/auth/oauth and /auth/anonymous over the wire: attacks, races, and providers that fail."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from covey.config import settings
from covey.wiring import services
from tests.functions.auth.openid import Browser, OpenId, flood, raw
from tests.functions.auth.test_oauth import (  # noqa: F401 - fixtures
    BACK,
    PASSWORD,
    api,
    arrive,
    cat,
    code_of,
    exchange,
    provider,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
STRANGER = rsa.generate_private_key(65537, 2048)


def changed(**claims: Any) -> Callable[[str], str]:
    """Re-signed by a stranger, with these claims."""

    def forge(token: str) -> str:
        known = jwt.decode(token, options={"verify_signature": False})
        return jwt.encode({**known, **claims}, STRANGER, "RS256")

    return forge


def unsigned(token: str) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{head}.{token.split('.')[1]}."


def altered(token: str) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["sub"] = "somebody-else"
    other = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{other}.{signature}"


def test_forged_id_tokens_are_refused_alike(api: Any, provider: OpenId) -> None:  # noqa: F811
    replayed: list[str] = []
    provider.alter = lambda path, document: (
        replayed.append(document["id_token"]) or document if "id_token" in document else document
    )
    arrive(api, provider, "ann")
    forgeries: list[Callable[[str], str]] = [
        changed(),
        changed(aud="other"),
        changed(iss="https://evil.test"),
        changed(exp=int(time.time()) - 9000),
        unsigned,
        altered,
        lambda token: replayed[0],  # of another sign-in: another nonce
        lambda token: "",
    ]
    answers = set()
    for forge in forgeries:

        def alter(path: str, document: Any, forge: Any = forge) -> Any:
            if "id_token" in document:
                document["id_token"] = forge(document["id_token"])
            return document

        provider.alter = alter
        browser = Browser(api)
        left = browser.leave("acme")
        back = browser.come_back("acme", provider.approve(left["headers"]["Location"], "ann"))
        problem = {name: value for name, value in back.json.items() if name != "request_id"}
        answers.add(json.dumps(problem, sort_keys=True))
        assert (back.status, back.code) == (401, "sign_in_refused"), forge
    assert len(answers) == 1


def test_of_20_callbacks_with_one_state_one_succeeds(api: Any, provider: OpenId) -> None:  # noqa: F811
    browser = Browser(api)
    left = browser.leave("acme")
    brought = provider.approve(left["headers"]["Location"], "race")
    with ThreadPoolExecutor(20) as pool:
        backs = list(pool.map(lambda _: browser.come_back("acme", brought), range(20)))
    assert sorted(one.status for one in backs) == [303] + [401] * 19
    (code,) = [code_of(one.headers["Location"]) for one in backs if one.status == 303]
    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(lambda _: exchange(api, code), range(20)))
    assert sorted(one.status for one in made) == [200] + [401] * 19


def test_what_the_browser_brings_is_refused_or_ignored(api: Any, provider: OpenId) -> None:  # noqa: F811
    victim, attacker = Browser(api), Browser(api)
    left = attacker.leave("acme")
    brought = provider.approve(left["headers"]["Location"], "attacker")
    victim.leave("acme")  # has a cookie of its own
    assert victim.come_back("acme", brought).code == "sign_in_refused"
    assert attacker.come_back("acme", brought).code == "sign_in_refused"  # taken by the attempt
    own = Browser(api)
    left = own.leave("acme")
    brought = provider.approve(left["headers"]["Location"], "own")
    extra = {**brought, "scope": "openid", "session_state": "x", "authuser": "0"}
    assert own.come_back("acme", extra).status == 303
    twice = api("GET", "/auth/oauth/acme/callback?state=a&state=b&code=c")
    assert (twice.status, twice.code) == (400, "invalid_parameter")
    two = {"Cookie": f"{own.cookie}; {own.cookie}"}
    left = own.leave("acme")
    brought = provider.approve(left["headers"]["Location"], "own")
    target = f"/auth/oauth/acme/callback?state={brought['state']}&code={brought['code']}"
    assert api("GET", target, headers=two).code == "sign_in_refused"


BAD: list[tuple[str, str, Any, int]] = [
    ("GET", "/auth/oauth/unknown?redirect_to=" + quote(BACK), None, 404),
    ("GET", "/auth/oauth/acme", None, 422),
    ("GET", "/auth/oauth/acme?redirect_to=https%3A%2F%2Fapp.example.test.evil.test", None, 422),
    ("GET", "/auth/oauth/acme?redirect_to=%2F%2Fevil.test", None, 422),
    ("GET", "/auth/oauth/acme?redirect_to=com.example.app%3A%2Fdone", None, 422),
    ("GET", "/auth/oauth/acme?ticket=" + "a" * 43, None, 401),
    ("GET", "/auth/oauth/acme?ticket=%00", None, 401),
    ("GET", "/auth/oauth/acme?ticket=", None, 401),
    ("GET", "/auth/oauth/unknown/callback?state=a&code=b", None, 404),
    ("GET", "/auth/oauth/acme/callback", None, 401),
    ("GET", "/auth/oauth/acme/callback?error=access_denied", None, 401),
    ("GET", "/auth/oauth/%00/callback", None, 404),
    ("POST", "/auth/oauth/acme", {"redirect_to": 7}, 422),
    ("POST", "/auth/oauth/acme", {"redirect_to": BACK, "user": "root"}, 422),
    ("POST", "/auth/oauth/acme", {"redirect_to": BACK, "code_challenge": "x"}, 422),
    ("POST", "/auth/oauth/acme", [], 400),
    ("POST", "/auth/oauth/exchange", {}, 422),
    ("POST", "/auth/oauth/exchange", {"code": "a" * 43}, 401),
    ("POST", "/auth/oauth/exchange", {"code": "ü\u0000"}, 401),
    ("POST", "/auth/oauth/exchange", {"code": "a" * 43, "verifier": 7}, 422),
    ("POST", "/auth/oauth/exchange", {"code": "a" * 43, "user": []}, 401),
    ("POST", "/auth/oauth/exchange", {"code": "a" * 43, "user": "root"}, 422),
    ("GET", "/auth/identities", None, 401),
    ("DELETE", "/auth/identities/x", None, 401),
    ("POST", "/auth/anonymous", {"roles": ["admin"]}, 403),
    ("POST", "/auth/anonymous", {"email": "a@b.test"}, 403),
    ("POST", "/auth/anonymous", [], 400),
    ("POST", "/auth/upgrade", {"email": "a@b.test", "password": PASSWORD}, 401),
]


def test_bad_requests_are_told_so(api: Any) -> None:  # noqa: F811
    for method, target, body, status in BAD:
        answer = api(method, target, body=body)
        assert answer.status == status, (method, target, body, answer)


def test_a_provider_that_fails_is_503(
    api: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with raw(flood) as url:
        slow = {"slow": {"issuer": url, "client_id": "c"}}
        monkeypatch.setenv("OAUTH_PROVIDERS", json.dumps(slow))
        settings.cache_clear()
        services.cache_clear()
        told = api("GET", f"/auth/oauth/slow?redirect_to={quote(BACK)}")
        assert (told.status, told.code) == (503, "unavailable")
        assert told.headers["Retry-After"] == "10"
        again = time.monotonic()
        assert api("GET", f"/auth/oauth/slow?redirect_to={quote(BACK)}").status == 503
        assert time.monotonic() - again < 1  # not asked again at once


def test_an_anonymous_user_from_nobody_to_somebody(api: Any) -> None:  # noqa: F811
    made = api("POST", "/auth/anonymous")
    assert made.status == 201
    token, user = made.json["access_token"], made.json["user"]["id"]
    post = api("POST", "/records/posts", body={"title": "mine"}, token=token)
    assert post.json["author"] == user
    body = {"email": "some@example.test", "password": PASSWORD}
    upgraded = api("POST", "/auth/upgrade", body=body, token=token)
    assert (upgraded.status, upgraded.json["user"]["email"]) == (200, "some@example.test")
    assert upgraded.json["user"]["id"] == user
    assert api("POST", "/auth/upgrade", body=body, token=token).code == "not_anonymous"
    signed_in = api("POST", "/auth/sign-in", body=body).json
    mine = api("GET", f"/records/posts/{post.json['id']}", token=signed_in["access_token"])
    assert mine.json["title"] == "mine"


def test_an_anonymous_user_whose_sessions_are_over_is_deleted(api: Any) -> None:  # noqa: F811
    gone = api("POST", "/auth/anonymous").json
    named = api("POST", "/auth/anonymous").json
    body = {"email": "named@example.test", "password": PASSWORD}
    assert api("POST", "/auth/upgrade", body=body, token=named["access_token"]).status == 200
    sweep = services().anonymous_sweep
    assert sweep.run(lambda: True)["anonymous_deleted"] == 0
    sweep._clock = lambda: time.time() + 40 * 86_400
    assert sweep.run(lambda: True) == {"anonymous_deleted": 1, "anonymous_failed": 0}
    assert sweep.run(lambda: True) == {"anonymous_deleted": 0, "anonymous_failed": 0}
    assert api("GET", "/auth/me", token=gone["access_token"]).status == 401
    assert api("GET", "/auth/me", token=named["access_token"]).status == 200
