"""Whose pages may call: the list, what is echoed, and preflights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.config import settings
from covey.http import CoveyApp, Request, Routes
from covey.http.origins import listed, origin_of
from covey.identity.principal import GUEST
from covey.testing.events import http_event

LISTED = "https://app.example, https://admin.example:8443 ,http://localhost:5173"


@pytest.fixture
def app(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[CoveyApp]:
    monkeypatch.setenv("ALLOWED_ORIGINS", getattr(request, "param", LISTED))
    settings.cache_clear()
    routes = Routes("x")

    @routes.get("/x", summary="Answer")
    def answer(request: Request) -> Any:
        return {}

    made = CoveyApp(authenticate=lambda _: GUEST)
    made.register_blueprint(routes)
    yield made
    monkeypatch.undo()
    settings.cache_clear()


def asked(app: CoveyApp, method: str = "GET", path: str = "/x", **headers: Any) -> dict[str, Any]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    raw: dict[str, Any] = app(http_event(method, path, headers=sent), None)
    return raw


@pytest.mark.parametrize(
    "origin", ["https://app.example", "https://admin.example:8443", "http://localhost:5173"]
)
def test_a_listed_origin_is_echoed(app: CoveyApp, origin: str) -> None:
    raw = asked(app, Origin=origin)
    assert raw["headers"]["Access-Control-Allow-Origin"] == origin
    assert raw["headers"]["Vary"] == "Authorization, Cookie, Origin"
    assert "Access-Control-Allow-Credentials" not in raw["headers"]


STRANGERS = [
    "https://evil.example",
    "http://app.example",
    "https://app.example:8443",
    "https://app.example.evil.example",
    "https://evil-app.example",
    "https://xapp.example",
    "https://app.example/",
    "https://APP.example",
    "https://app.example, https://evil.example",
    "null",
    "*",
    "",
    "file://",
    "chrome-extension://app.example",
    ["https://app.example", "https://app.example"],
]


@pytest.mark.parametrize("origin", STRANGERS, ids=str)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_any_other_is_not(app: CoveyApp, origin: Any, method: str) -> None:
    for path in ("/x", "/nowhere"):
        raw = asked(app, method, path, Origin=origin, Access_Control_Request_Method="GET")
        assert "Access-Control-Allow-Origin" not in raw["headers"]
        assert "Origin" in raw["headers"]["Vary"], "or a cache would hand it to those listed"


def test_who_names_no_origin_gets_none(app: CoveyApp) -> None:
    assert "Access-Control-Allow-Origin" not in asked(app)["headers"]


@pytest.mark.parametrize("app", ["*", " * "], indirect=True)
def test_where_all_may_call_the_answer_is_the_same_for_all(app: CoveyApp) -> None:
    for origin in ("https://any.example", "null"):
        headers = asked(app, Origin=origin)["headers"]
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert headers["Vary"] == "Authorization, Cookie"
        assert "Access-Control-Allow-Credentials" not in headers


NOBODY = ["null", "https://app.example/path", "app.example", "https://*.example", "*,null", ","]


@pytest.mark.parametrize("app", NOBODY, indirect=True)
@pytest.mark.parametrize("origin", ["null", "https://app.example", "https://x.example", "*"])
def test_what_is_no_origin_allows_nobody(app: CoveyApp, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in asked(app, Origin=origin)["headers"]


@pytest.mark.parametrize("path", ["/x", "/nowhere", "/x/y"])
def test_a_preflight_says_what_may_be_sent_for_every_path(app: CoveyApp, path: str) -> None:
    raw = asked(
        app,
        "OPTIONS",
        path,
        Origin="https://app.example",
        Access_Control_Request_Method="PATCH",
        Access_Control_Request_Headers="authorization,content-type",
    )
    headers = raw["headers"]
    assert raw["statusCode"] == 204
    assert headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "PATCH" in headers["Access-Control-Allow-Methods"]
    allowed = headers["Access-Control-Allow-Headers"].lower()
    assert "authorization" in allowed
    assert "covey-session" not in allowed, "cookies are for our own pages"
    assert headers["Access-Control-Max-Age"] == "7200"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.example/live", "https://api.example"),
        ("https://API.example:443", "https://api.example"),
        ("http://127.0.0.1:80/", "http://127.0.0.1"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://example:8443/a?b#c", "https://example:8443"),
        ("https://user@example", ""),
        ("ftp://example", ""),
        ("null", ""),
        ("//example", ""),
        ("https://", ""),
        ("", ""),
        ("https://exämple", ""),
        ("https://example:port", ""),
    ],
)
def test_the_origin_of_a_url(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@given(st.text(max_size=60))
def test_whatever_is_configured_lists_exact_origins_only(text: str) -> None:
    for one in listed(text):
        assert origin_of(one) == one
        assert "," not in one


@given(st.text(max_size=40))
def test_the_origin_of_an_origin_is_itself(text: str) -> None:
    origin = origin_of(f"https://{text}")
    assert origin == "" or origin_of(origin) == origin
