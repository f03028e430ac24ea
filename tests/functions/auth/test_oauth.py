"""/auth/oauth over the wire, against a real provider: honest sign-ins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from covey.collections.document import load
from covey.config import settings
from covey.wiring import services
from tests.functions.auth.openid import Browser, GitHub, OpenId, brought, github, openid, s256

# Of the provider's own libraries, about each other.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
BACK = "https://app.example.test/done"
VERIFIER = "v" * 43
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenId]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
        with openid() as running:
            yield running


@pytest.fixture(scope="module")
def cat() -> Iterator[GitHub]:
    with github() as running:
        yield running


@pytest.fixture
def api(provider: OpenId, cat: GitHub, monkeypatch: pytest.MonkeyPatch, api: Any) -> Iterator[Any]:
    providers = {
        "acme": {
            "issuer": provider.url,
            "client_id": "covey",
            "client_secret": "acme-secret",
            "trust_email": True,
        },
        "lax": {"issuer": provider.url, "client_id": "covey", "client_secret": "x"},
        "github": {
            "client_id": "cat",
            "client_secret": "cat-secret",
            "url": cat.url,
            "api": f"{cat.url}/api",
        },
    }
    monkeypatch.setenv("OAUTH_PROVIDERS", json.dumps(providers))
    monkeypatch.setenv("OAUTH_REDIRECTS", f"{BACK}, com.example.app:/done")
    monkeypatch.setenv("ANONYMOUS", "on")
    provider.alter = None
    cat.failing = 0
    settings.cache_clear()
    services.cache_clear()
    yield api
    settings.cache_clear()
    services.cache_clear()


def code_of(location: str) -> str:
    assert location.startswith(BACK), location
    assert not urlsplit(location).query
    name, _, code = urlsplit(location).fragment.partition("=")
    assert name == "code", location
    return code


def arrive(api: Any, provider: OpenId | GitHub, subject: str, name: str = "acme") -> str:
    """The one-time code of a whole sign-in."""
    browser = Browser(api)
    left = browser.leave(name)
    assert left["statusCode"] == 303, left
    back = browser.come_back(name, provider.approve(left["headers"]["Location"], subject))
    assert back.status == 303, back
    return code_of(back.headers["Location"])


def exchange(api: Any, code: str, **more: Any) -> Any:
    token = more.pop("token", None)
    return api("POST", "/auth/oauth/exchange", body={"code": code, **more}, token=token)


def sign_in(api: Any, provider: OpenId | GitHub, subject: str, name: str = "acme") -> Any:
    made = exchange(api, arrive(api, provider, subject, name))
    assert made.status == 200, made
    return made.json


def test_providers_are_listed_without_their_secrets(api: Any) -> None:
    answer = api("GET", "/auth/oauth")
    assert [one["name"] for one in answer.json["items"]] == ["acme", "lax", "github"]
    assert "secret" not in answer.text
    told = repr(services().settings) + repr(services().federation._providers)
    assert "acme-secret" not in told and "cat-secret" not in told


def test_who_is_new_becomes_a_user_and_comes_back_as_the_same(api: Any, provider: OpenId) -> None:
    provider.user("new", email="New@Example.test", email_verified=True, name="Nia New")
    first = sign_in(api, provider, "new")
    user = first["user"]
    assert (user["email"], user["verified"], user["name"]) == (
        "new@example.test",
        True,
        "Nia New",
    )
    me = api("GET", "/auth/me", token=first["access_token"])
    assert me.json["user"]["id"] == user["id"]
    again = sign_in(api, provider, "new")
    assert again["user"]["id"] == user["id"]
    sessions = api("GET", "/auth/sessions", token=again["access_token"]).json["items"]
    assert {one["means"] for one in sessions} == {"oauth:acme"}
    listed = api("GET", "/auth/identities", token=again["access_token"]).json["items"]
    assert [(one["provider"], one["email"]) for one in listed] == [("acme", "New@Example.test")]


def test_the_browser_goes_with_pkce_state_and_nonce_and_a_cookie(api: Any) -> None:
    left = Browser(api).leave("acme")
    sent = brought(left["headers"]["Location"])
    assert sent["response_type"] == "code"
    assert sent["code_challenge_method"] == "S256"
    assert len(sent["code_challenge"]) == 43
    assert sent["nonce"] and len(sent["state"]) == 43
    assert sent["redirect_uri"] == "http://127.0.0.1:8000/auth/oauth/acme/callback"
    (cookie,) = left["multiValueHeaders"]["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie
    assert left["headers"]["Cache-Control"] == "no-store"
    assert left["headers"]["Referrer-Policy"] == "no-referrer"


def test_over_https_the_cookie_is_bound_to_the_host(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://api.example.test")
    settings.cache_clear()
    services.cache_clear()
    left = Browser(api).leave("acme")
    (cookie,) = left["multiValueHeaders"]["Set-Cookie"]
    assert cookie.startswith("__Host-covey-oauth=") and "; Secure" in cookie


def test_a_code_is_good_once_and_with_its_verifier(api: Any, provider: OpenId) -> None:
    browser = Browser(api)
    left = browser.leave("acme", code_challenge=s256(VERIFIER))
    back = browser.come_back("acme", provider.approve(left["headers"]["Location"], "once"))
    code = code_of(back.headers["Location"])
    assert exchange(api, code).code == "sign_in_refused"
    browser = Browser(api)
    left = browser.leave("acme", code_challenge=s256(VERIFIER))
    back = browser.come_back("acme", provider.approve(left["headers"]["Location"], "once"))
    code = code_of(back.headers["Location"])
    assert exchange(api, code, verifier=VERIFIER).status == 200
    assert exchange(api, code, verifier=VERIFIER).code == "sign_in_refused"


def test_github_signs_in_by_its_number_and_primary_address(api: Any, cat: GitHub) -> None:
    cat.users["octo"] = (
        {"id": 583231, "login": "octo", "name": None, "email": "public@example.test"},
        [
            {"email": "other@example.test", "primary": False, "verified": True},
            {"email": "octo@example.test", "primary": True, "verified": True},
        ],
    )
    first = sign_in(api, cat, "octo", "github")
    assert first["user"]["email"] == "octo@example.test"
    assert first["user"]["name"] == "octo"
    cat.users["renamed"] = cat.users["octo"]
    assert sign_in(api, cat, "renamed", "github")["user"]["id"] == first["user"]["id"]


def test_an_unverified_address_of_github_is_not_taken(api: Any, cat: GitHub) -> None:
    unverified = [{"email": "victim@example.test", "primary": True, "verified": False}]
    cat.users["un"] = ({"id": 7, "login": "un"}, unverified)
    assert "email" not in sign_in(api, cat, "un", "github")["user"]


def test_a_vouched_address_joins_the_account_that_has_it(api: Any, provider: OpenId) -> None:
    body = {"email": "join@example.test", "password": PASSWORD}
    api("POST", "/auth/sign-up", body=body)
    users, store = services().catalog.get("users"), services().record_store
    id = store.find_unique(users, ("email",), ("join@example.test",))
    assert id is not None
    services().addresses.prove(id, "join@example.test")
    provider.user("join", email="join@example.test", email_verified=True)
    assert sign_in(api, provider, "join")["user"]["id"] == id
    assert api("POST", "/auth/sign-in", body=body).status == 200  # the password stays
    token = api("POST", "/auth/sign-in", body=body).json["access_token"]
    assert len(api("GET", "/auth/identities", token=token).json["items"]) == 1


def test_joining_an_account_of_an_unproven_address_strips_it(api: Any, provider: OpenId) -> None:
    body = {"email": "hijack@example.test", "password": PASSWORD}
    attacker = api("POST", "/auth/sign-up", body=body).json
    url = api(
        "POST", "/auth/oauth/lax", body={"redirect_to": BACK}, token=attacker["access_token"]
    ).json["authorization_url"]
    browser = Browser(api)
    left = browser.leave("lax", ticket=url.partition("ticket=")[2])
    back = browser.come_back("lax", provider.approve(left["headers"]["Location"], "attacker"))
    code = code_of(back.headers["Location"])
    linked = exchange(api, code, token=attacker["access_token"])
    assert linked.json["identity"]["provider"] == "lax"
    provider.user("owner", email="hijack@example.test", email_verified=True)
    owner = sign_in(api, provider, "owner")
    assert owner["user"]["id"] == attacker["user"]["id"]
    assert owner["user"]["verified"] is True
    assert api("POST", "/auth/sign-in", body=body).code == "invalid_credentials"
    assert api("GET", "/auth/me", token=attacker["access_token"]).code == "invalid_token"
    refresh = {"refresh_token": attacker["refresh_token"]}
    assert api("POST", "/auth/refresh", body=refresh).code == "invalid_token"
    assert sign_in(api, provider, "attacker", "lax")["user"]["id"] != owner["user"]["id"]


@pytest.mark.parametrize("verified", [False, None, "true", 1])
@pytest.mark.parametrize("name", ["acme", "lax"])
def test_an_address_that_nobody_vouches_for_joins_nobody(
    api: Any, provider: OpenId, name: str, verified: Any
) -> None:
    body = {"email": "target@example.test", "password": PASSWORD}
    target = api("POST", "/auth/sign-up", body=body).json
    claims = {"email": "target@example.test", "email_verified": verified or name == "lax"}
    provider.user("taker", **(claims if name == "lax" else {**claims, "email_verified": verified}))
    made = sign_in(api, provider, "taker", name)
    assert made["user"]["id"] != target["user"]["id"]
    assert "email" not in made["user"]
    assert api("POST", "/auth/sign-in", body=body).status == 200


def test_identities_are_linked_listed_and_unlinked(api: Any, provider: OpenId, cat: GitHub) -> None:
    provider.user("lin", email="lin@example.test", email_verified=True)
    me = sign_in(api, provider, "lin")
    token = me["access_token"]
    only = api("GET", "/auth/identities", token=token).json["items"][0]
    refused = api("DELETE", f"/auth/identities/{only['id']}", token=token)
    assert (refused.status, refused.code) == (409, "last_way_in")
    cat.users["lin"] = ({"id": 99, "login": "lin"}, [])
    begun = api("POST", "/auth/oauth/github", body={"redirect_to": BACK}, token=token)
    browser = Browser(api)
    left = browser.leave("github", ticket=begun.json["authorization_url"].partition("ticket=")[2])
    back = browser.come_back("github", cat.approve(left["headers"]["Location"], "lin"))
    code = code_of(back.headers["Location"])
    assert exchange(api, code, token=token).json["identity"]["provider"] == "github"
    assert sign_in(api, cat, "lin", "github")["user"]["id"] == me["user"]["id"]
    assert api("DELETE", f"/auth/identities/{only['id']}", token=token).status == 204
    assert api("DELETE", f"/auth/identities/{only['id']}", token=token).status == 404
    listed = api("GET", "/auth/identities", token=token).json["items"]
    assert [one["provider"] for one in listed] == ["github"]


def test_an_identity_of_another_user_is_not_linked(api: Any, provider: OpenId) -> None:
    sign_in(api, provider, "first-owner")
    body = {"email": "second@example.test", "password": PASSWORD}
    token = api("POST", "/auth/sign-up", body=body).json["access_token"]
    begun = api("POST", "/auth/oauth/acme", body={"redirect_to": BACK}, token=token)
    browser = Browser(api)
    left = browser.leave("acme", ticket=begun.json["authorization_url"].partition("ticket=")[2])
    back = browser.come_back("acme", provider.approve(left["headers"]["Location"], "first-owner"))
    answer = exchange(api, code_of(back.headers["Location"]), token=token)
    assert (answer.status, answer.code) == (409, "identity_taken")


def test_the_rule_create_decides_who_becomes_a_user(api: Any, provider: OpenId) -> None:
    rules = {"read": "id == auth.id", "create": "email.endsWith('@acme.test')"}
    document = {"name": "users", "ids": "custom", "rules": rules}
    services().catalog.save(load(document, previous=services().catalog.get("users")))
    provider.user("in", email="in@acme.test", email_verified=True)
    provider.user("out", email="out@example.test", email_verified=True)
    assert sign_in(api, provider, "in")["user"]["email"] == "in@acme.test"
    assert exchange(api, arrive(api, provider, "out")).status in (401, 403)
    assert exchange(api, arrive(api, provider, "bare")).status in (401, 403)


def test_fields_of_users_come_with_the_exchange_but_no_protected_ones(
    api: Any, provider: OpenId
) -> None:
    made = exchange(api, arrive(api, provider, "named"), user={"name": "Ned"})
    assert made.json["user"]["name"] == "Ned"
    for fields in ({"roles": ["admin"]}, {"email": "x@example.test"}, {"verified": True}):
        denied = exchange(api, arrive(api, provider, "greedy"), user=fields)
        assert (denied.status, denied.code) == (403, "field_write_denied"), fields


def test_a_disabled_user_and_a_deleted_one(api: Any, provider: OpenId) -> None:
    root = api.token("root", "admin")
    me = sign_in(api, provider, "gone")
    api("POST", f"/admin/users/{me['user']['id']}/disable", token=root)
    refused = exchange(api, arrive(api, provider, "gone"))
    assert (refused.status, refused.code) == (401, "sign_in_refused")
    users, store = services().catalog.get("users"), services().record_store
    before = store.get(users, me["user"]["id"], consistent=True)
    assert before is not None
    store.delete(users, before)
    assert sign_in(api, provider, "gone")["user"]["id"] != me["user"]["id"]


def test_a_user_who_denies_is_led_back_with_the_error(api: Any, provider: OpenId) -> None:
    browser = Browser(api)
    left = browser.leave("acme")
    back = browser.come_back("acme", provider.deny(left["headers"]["Location"]))
    assert back.headers["Location"] == f"{BACK}#error=access_denied"
