"""Sessions in a cookie: what is handed out, what is taken, and from whom."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from covey.config import settings
from covey.http.cookies import HEADER
from covey.store.models.session import SessionItem
from covey.wiring import services

OWN = "http://127.0.0.1:8000"
NAME = "covey-8000"
PASSWORD = "correct horse battery"
ANN = {"email": "ann@example.test", "password": PASSWORD}
BY_COOKIE = {HEADER: "cookie", "Origin": OWN}


@dataclass
class Browser:
    """Keeps the cookie that it is told, and says where its pages are from."""

    api: Any
    origin: str = OWN
    cookie: str = ""
    told: list[str] = field(default_factory=list)

    def __call__(self, method: str, target: str, body: Any = None, **headers: str) -> Any:
        sent = {"Origin": self.origin} if method not in ("GET", "HEAD") else {}
        sent |= {"Cookie": self.cookie} if self.cookie else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        event = self.api.event(method, target, body=body, headers=sent)
        raw = self.api.handler(target)(event, None)
        self.told = raw["multiValueHeaders"].get("Set-Cookie", [])
        for one in self.told:
            pair, _, rest = one.partition(";")
            self.cookie = "" if "Max-Age=0" in rest else pair
        return self.api.send(lambda *_: raw, event)


@pytest.fixture
def browser(api: Any) -> Browser:
    """A browser in which Ann is signed in."""
    browser = Browser(api)
    made = browser("POST", "/auth/sign-up", ANN, covey_session="cookie")
    assert made.status == 201, made
    return browser


@pytest.fixture
def https(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("PUBLIC_URL", "https://api.example.test/live")
    settings.cache_clear()
    yield "https://api.example.test"
    monkeypatch.undo()
    settings.cache_clear()


def test_a_session_by_cookie_leaves_no_token_in_the_answer(browser: Browser) -> None:
    for path, body in (("/auth/sign-in", ANN), ("/auth/refresh", None)):
        answer = browser("POST", path, body, covey_session="cookie")
        assert answer.status == 200
        assert set(answer.json) == {"user", "expires_in"}
        assert "eyJ" not in answer.text
        (told,) = browser.told
        assert re.fullmatch(
            rf"{NAME}=[\w-]+\.[\w-]+\.[\w-]+; Max-Age=2592000; Path=/; HttpOnly; SameSite=Strict",
            told,
        )
        assert answer.headers["Cache-Control"] == "no-store"


def test_over_https_the_cookie_is_bound_to_its_host(api: Any, https: str) -> None:
    browser = Browser(api, origin=https)
    browser("POST", "/auth/sign-up", ANN, covey_session="cookie")
    (told,) = browser.told
    assert told.startswith("__Host-covey=")
    assert told.endswith("; Path=/; HttpOnly; SameSite=Strict; Secure")
    assert "Domain" not in told
    assert browser("GET", "/auth/me").json["user"]["email"] == ANN["email"]


def test_plain_http_beyond_this_machine_gets_no_cookie(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_URL", "http://192.0.2.7:8000")
    settings.cache_clear()
    try:
        browser = Browser(api, origin="http://192.0.2.7:8000")
        answer = browser("POST", "/auth/sign-up", ANN, covey_session="cookie")
        assert (answer.status, answer.code) == (403, "insecure_origin")
        assert not browser.told
        assert browser("POST", "/auth/sign-up", ANN).status == 201, "nothing had been made"
    finally:
        monkeypatch.undo()
        settings.cache_clear()


@pytest.mark.parametrize("url", ["", "here", "null", "ftp://127.0.0.1", "http://192.0.2.7"])
def test_a_deployment_of_no_safe_origin_takes_no_cookie(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    value = browser.cookie.partition("=")[2]
    monkeypatch.setenv("PUBLIC_URL", url or " ")
    settings.cache_clear()
    try:
        for name in ("", NAME, "covey-80", "__Host-covey"):
            sent = {"Cookie": f"{name}={value}", "Origin": ""}
            answer = browser.api("GET", "/auth/me", headers=sent)
            assert answer.code == "unauthenticated", name
        made = browser.api(
            "POST", "/auth/sign-in", body=ANN, headers={HEADER: "cookie", "Origin": url}
        )
        assert made.status == 403
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def test_the_cookie_says_who_asks_on_every_function(browser: Browser) -> None:
    assert browser("GET", "/auth/me").json["user"]["email"] == ANN["email"]
    made = browser("POST", "/records/posts", {"title": "Mine"})
    assert made.status == 201
    mine = browser("GET", f"/records/posts/{made.json['id']}")
    assert mine.json["author"] == browser("GET", "/auth/me").json["user"]["id"]
    assert mine.headers["Cache-Control"] == "no-store"


UNSAFE = [
    ("POST", "/records/posts", {"title": "Theirs"}),
    ("DELETE", "/auth/sessions", None),
    ("POST", "/auth/sign-out", None),
    ("POST", "/auth/refresh", None),
    ("POST", "/realtime/tickets", None),
]
ELSEWHERE = {
    "another origin": {"Origin": "https://evil.example"},
    "another port": {"Origin": "http://127.0.0.1:8001"},
    "another scheme": {"Origin": "https://127.0.0.1:8000"},
    "another name": {"Origin": "http://localhost:8000"},
    "a longer name": {"Origin": "http://127.0.0.1:8000.evil.example"},
    "an opaque origin": {"Origin": "null"},
    "an empty origin": {"Origin": ""},
    "ours, of a cross-site page": {"Origin": OWN, "Sec-Fetch-Site": "cross-site"},
    "a sister site": {"Sec-Fetch-Site": "same-site"},
    "typed by hand": {"Sec-Fetch-Site": "none"},
    "nothing": {},
    "a navigation": {"Sec-Fetch-Mode": "navigate"},
}


@pytest.mark.parametrize("headers", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_what_comes_from_elsewhere_changes_nothing(
    browser: Browser, headers: dict[str, str]
) -> None:
    for method, path, body in UNSAFE:
        sent = {"Cookie": browser.cookie, **headers}
        answer = browser.api(method, path, body=body, headers=sent)
        assert (answer.status, answer.code) == (403, "cross_site"), (path, headers)
    assert browser("GET", "/records/posts").json["items"] == []
    assert browser("GET", "/auth/me").status == 200


@pytest.mark.parametrize("headers", [{"Origin": OWN}, {"Sec-Fetch-Site": "same-origin"}])
def test_our_own_pages_are_known_by_either_header(
    browser: Browser, headers: dict[str, str]
) -> None:
    sent = {"Cookie": browser.cookie, **headers}
    assert browser.api("POST", "/records/posts", body={"title": "x"}, headers=sent).status == 201


def test_two_origins_are_no_origin_of_ours(browser: Browser) -> None:
    sent = {"Cookie": browser.cookie, "Origin": [OWN, OWN]}
    answer = browser.api("POST", "/records/posts", body={"title": "x"}, headers=sent)
    assert answer.status in (400, 403)


READS = {
    "a script of ours": ({"Sec-Fetch-Site": "same-origin"}, 200),
    "a client without such headers": ({}, 200),
    "typed by hand": ({"Sec-Fetch-Site": "none"}, 200),
    "a link": ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
    "an image elsewhere": ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
    "a sister site's script": ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
    "a script elsewhere": ({"Origin": "https://evil.example"}, 403),
}


@pytest.mark.parametrize(("headers", "status"), READS.values(), ids=READS.keys())
def test_a_read_by_cookie_is_for_our_pages_and_for_people(
    browser: Browser, headers: dict[str, str], status: int
) -> None:
    sent = {"Cookie": browser.cookie, **headers}
    assert browser.api("GET", "/auth/me", headers=sent).status == status


def test_a_token_goes_before_the_cookie(browser: Browser) -> None:
    ben = browser.api.token("ben")
    sent = {"Cookie": browser.cookie, "Origin": "https://evil.example"}
    answer = browser.api("GET", "/auth/me", headers=sent, token=ben)
    assert answer.json["user"]["id"] == "ben"
    bad = browser.api("GET", "/auth/me", headers=sent, token="x.y.z")
    assert (bad.status, bad.code) == (401, "invalid_token")


def altered(cookie: str) -> dict[str, str]:
    name, _, value = cookie.partition("=")
    user, session, secret = value.split(".")
    other = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    return {
        "another secret": f"{name}={user}.{session}.{other}",
        "another session": f"{name}={user}.{'A' * 22}.{secret}",
        "another user": f"{name}=YmVu.{session}.{secret}",
        "a user by another spelling": f"{name}={user}=.{session}.{secret}",
        "no secret": f"{name}={user}.{session}.",
        "nothing": f"{name}=",
        "in quotes": f'{name}="{value}"',
        "a space": f"{name}={user}.{session}.{secret} x",
        "letters beyond ASCII": f"{name}={user}.{session}.{secret}é",
        "a NUL": f"{name}={value}\0",
        "very long": f"{name}={'A' * 4000}.{session}.{secret}",
        "a user with a NUL": f"{name}=AAA.{session}.{secret}",
        "a user that is no text": f"{name}=_____w.{session}.{secret}",
        "twice": f"{name}={value}; {name}={value}",
        "twice, one of another": f"{name}={value}; {name}=x",
    }


def test_a_cookie_that_does_not_hold_is_refused_and_taken_back(browser: Browser) -> None:
    for what, cookie in altered(browser.cookie).items():
        for method, path in (("GET", "/auth/me"), ("GET", "/records/posts")):
            event = browser.api.event(method, path, headers={"Cookie": cookie})
            raw = browser.api.handler(path)(event, None)
            answer = browser.api.send(lambda *_, raw=raw: raw, event)
            assert (answer.status, answer.code) == (401, "invalid_token"), what
            (told,) = raw["multiValueHeaders"]["Set-Cookie"]
            assert told.startswith(f"{NAME}=; Max-Age=0; "), what
    assert browser("GET", "/auth/me").status == 200, "the true one holds"


@pytest.mark.parametrize("split", ["one line", "two lines"])
def test_other_cookies_are_not_looked_at(browser: Browser, split: str) -> None:
    others = 'theme="dark; x=1'
    sent = [others, browser.cookie] if split == "two lines" else f"{others}; {browser.cookie}"
    assert browser.api("GET", "/auth/me", headers={"Cookie": sent}).status == 200
    for name in ("Covey-8000", "covey-8001", "__Host-covey"):
        cookie = f"{name}={browser.cookie.partition('=')[2]}"
        answer = browser.api("GET", "/auth/me", headers={"Cookie": cookie})
        assert answer.code == "unauthenticated", name


def test_signing_out_takes_the_cookie_back_and_ends_the_session(browser: Browser) -> None:
    kept = browser.cookie
    assert browser("POST", "/auth/sign-out").status == 204
    assert browser.cookie == ""
    browser.cookie = kept
    assert browser("GET", "/auth/me").code == "invalid_token"
    assert browser.cookie == ""


def test_a_refresh_token_is_no_cookie_and_a_cookie_no_refresh_token(browser: Browser) -> None:
    tokens = browser.api("POST", "/auth/sign-in", body=ANN).json
    user, session, secret = tokens["refresh_token"].split(".")
    for secret_of_token in (secret[-43:], secret[:43]):
        cookie = f"{NAME}={user}.{session}.{secret_of_token}"
        answer = browser.api("GET", "/auth/me", headers={"Cookie": cookie})
        assert answer.code == "invalid_token"
    value = browser.cookie.partition("=")[2]
    for shape in (value, value[:-43] + "A" * 22 + value[-43:]):
        answer = browser.api("POST", "/auth/refresh", body={"refresh_token": shape})
        assert answer.code == "invalid_token"
    assert browser("GET", "/auth/me").status == 200
    assert browser.api("GET", "/auth/me", token=tokens["access_token"]).status == 200


def test_a_session_of_tokens_becomes_one_of_a_cookie(browser: Browser) -> None:
    first = browser.api("POST", "/auth/sign-in", body=ANN).json["refresh_token"]
    other = Browser(browser.api)
    answer = other("POST", "/auth/refresh", {"refresh_token": first}, covey_session="cookie")
    assert (answer.status, set(answer.json)) == (200, {"user", "expires_in"})
    assert other("GET", "/auth/me").status == 200
    again = other("POST", "/auth/refresh", {"refresh_token": first})
    assert again.code == "invalid_token", "it is spent"


def test_nobody_is_signed_in_by_a_page_of_another_origin(browser: Browser) -> None:
    before = len(services().sessions.of(browser("GET", "/auth/me").json["user"]["id"]))
    sent = {HEADER: "cookie", "Origin": "https://evil.example"}
    answer = browser.api("POST", "/auth/sign-in", body=ANN, headers=sent)
    assert (answer.status, answer.code) == (403, "cross_site")
    after = len(services().sessions.of(browser("GET", "/auth/me").json["user"]["id"]))
    assert after == before, "nothing was begun"


def test_a_changed_password_leaves_its_changer_signed_in_by_cookie(browser: Browser) -> None:
    body = {"password": PASSWORD, "new_password": "another fine battery"}
    elsewhere = Browser(browser.api, cookie=browser.cookie)
    answer = browser("POST", "/auth/change-password", body)
    assert (answer.status, set(answer.json)) == (200, {"user", "expires_in"})
    assert browser("GET", "/auth/me").status == 200
    assert elsewhere("GET", "/auth/me").code == "invalid_token"


def test_an_administrator_who_makes_a_user_stays_who_it_is(browser: Browser) -> None:
    me = browser("GET", "/auth/me").json["user"]["id"]
    made = browser("POST", "/auth/sign-up", {**ANN, "email": "ben@example.test"})
    assert made.status == 201
    assert not browser.told
    assert browser("GET", "/auth/me").json["user"]["id"] == me


def test_a_session_goes_on_for_as_long_as_it_is_used_and_is_written_hourly(
    browser: Browser,
) -> None:
    def kept() -> SessionItem:
        user = browser("GET", "/auth/me").json["user"]["id"]
        (one,) = SessionItem.query(f"!session.{user}", consistent_read=True)
        return one

    before = kept()
    assert browser("POST", "/auth/refresh").json["expires_in"] > 2_591_900
    assert kept().expires == before.expires, "renewed within the hour: nothing is written"
    item = kept()
    item.used, item.expires = item.used - 7_200, item.expires - 7_200
    item.save()
    cookie = browser.cookie
    assert browser("POST", "/auth/refresh").json["expires_in"] == 2_592_000
    assert browser.cookie == cookie, "tabs that call meanwhile are not signed out"
    assert kept().expires >= before.expires


def test_a_session_that_ran_out_does_not_come_back(browser: Browser) -> None:
    user = browser("GET", "/auth/me").json["user"]["id"]
    (item,) = SessionItem.query(f"!session.{user}", consistent_read=True)
    item.expires = 1_000
    item.save()
    assert browser("POST", "/auth/refresh").code == "invalid_token"
    assert browser.cookie == ""
