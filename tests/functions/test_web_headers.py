"""Every route and every kind of refusal answers with the headers that keep browsers safe."""

from __future__ import annotations

import base64
import hashlib
import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from covey.config import settings
from covey.http import CoveyApp, Operation, Request, Routes
from covey.identity.principal import GUEST
from covey.testing.events import http_event
from infra.gateway import refusals
from infra.gateway.city import Endpoints
from infra.gateway.template import load

ROOT = Path(__file__).resolve().parents[2]
CITY = load(ROOT / "template.yaml", Endpoints("http://127.0.0.1:1", "http://h:2", "http://h:3"))
INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)
EXACT = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "access-control-allow-origin": "*",
}
SAME_FOR_ALL = "/.well-known/jwks.json"  # public keys, and may be stored whoever asks
FIRST = {"collection": "posts", "name": "posts", "id": "nobody", "version": "1"}
SENT: Mapping[str, Mapping[str, Any]] = {
    "as a guest": {},
    "with a parameter that is not known": {"query": "?nonsense=1"},
    "with a token that does not hold": {"headers": {"Authorization": "Bearer x.y.z"}},
    "with a header of no scheme": {"headers": {"Authorization": "x"}},
    "with a cookie that does not hold": {"headers": {"Cookie": "covey-8000=x"}},
    "with two cookies": {"headers": {"Cookie": "covey-8000=x; covey-8000=y", "Origin": "null"}},
    "with a body that is no JSON": {"body": "{", "headers": {"Content-Type": "application/json"}},
    "with a form": {
        "body": "a=b",
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    },
    "with headers given twice": {"headers": {"If-Match": ["a", "b"], "Content-Type": ["a", "b"]}},
}


def faults_of(
    raw: Mapping[str, Any], *, private: bool, pages: bool = False, https: bool = False
) -> Iterator[str]:
    """What an answer lacks."""
    headers = {name.lower(): value for name, value in raw["headers"].items()}
    for name, value in EXACT.items():
        if headers.get(name) != value:
            yield f"{name}: {headers.get(name)}"
    if "access-control-allow-credentials" in headers:
        yield "credentials"
    if ("strict-transport-security" in headers) != https:
        yield "strict-transport-security"
    if (private or raw["statusCode"] >= 400) and headers.get("cache-control") != "no-store":
        yield f"cache-control: {headers.get('cache-control')}"
    if "Cookie" not in headers.get("vary", ""):
        yield f"vary: {headers.get('vary')}"
    policy = headers.get("content-security-policy", "")
    kind = headers.get("content-type", "")
    if kind.startswith("text/html") and pages:
        yield from faults_of_page(raw["body"], policy)
    elif policy != "default-src 'none'; frame-ancestors 'none'":
        yield f"content-security-policy: {policy} of {kind}"


def faults_of_page(text: str, policy: str) -> Iterator[str]:
    directives = dict(one.strip().partition(" ")[::2] for one in policy.split(";"))
    wanted = {"default-src": "'none'", "frame-ancestors": "'none'", "base-uri": "'none'"}
    for name, value in {**wanted, "form-action": "'none'"}.items():
        if directives.get(name) != value:
            yield f"{name}: {directives.get(name)}"
    if "unsafe" in policy or "http" in policy or "*" in policy:
        yield policy
    for kind, inline in INLINE.findall(text):
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        if directives.get(f"{kind}-src") != f"'sha256-{digest}'":
            yield f"the {kind} of the page is not the one that may run"
    if re.search(r"<[^>]+\s(on\w+|style)\s*=", INLINE.sub("", text)):
        yield "an attribute that the policy does not let run"
    if re.search(r"<(script|link|img|iframe)[^>]+(src|href)\s*=", text):
        yield "something to load"


def operations() -> Iterator[tuple[str, Operation]]:
    assert CITY.http is not None
    for function in sorted({route.function for route in CITY.http.routes}):
        package = CITY.functions[function].handler.rsplit(".", 2)[0]
        for one in importlib.import_module(f"{package}.routes").routes().operations:
            yield package, one


def target_of(operation: Operation) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: FIRST.get(match[1], "nobody"), operation.path)


def test_every_route_and_every_refusal_of_it(api: Any) -> None:
    faults = []
    for package, operation in operations():
        handler = importlib.import_module(f"{package}.handler").handler
        target = target_of(operation)
        writes = operation.method != "GET"
        for what, sent in SENT.items():
            options = {name: value for name, value in sent.items() if name != "query"}
            raw = handler(
                http_event(operation.method, target + sent.get("query", ""), **options), None
            )
            shown = {"Authorization", "Cookie"} & set(sent.get("headers", {}))
            private = writes or bool(shown) or target.startswith("/auth/")
            private = private and target != SAME_FOR_ALL
            if raw["statusCode"] >= 500 and raw["statusCode"] != 501:
                faults.append(f"{operation.method} {target} {what}: {raw['statusCode']}")
            for fault in faults_of(raw, private=private, pages=True):
                faults.append(f"{operation.method} {target} {what}: {fault}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("method", ["GET", "POST", "TRACE", "OPTIONS", "HEAD"])
@pytest.mark.parametrize(
    "target", ["/records/posts", "/records/a/b/c/d", "/auth/%ff", "/auth/%zz", "/nowhere"]
)
def test_what_no_route_answers(api: Any, method: str, target: str) -> None:
    raw = api.handler(target)(http_event(method, target), None)
    assert not list(faults_of(raw, private=method not in ("GET", "HEAD")))


def failing() -> CoveyApp:
    routes = Routes("x")

    @routes.get("/fails", summary="Fail")
    def fails(request: Request) -> Any:
        raise RuntimeError("a failure of ours")

    @routes.get("/unsayable", summary="Answer what cannot be written down")
    def unsayable(request: Request) -> Any:
        return {"a": object()}

    app = CoveyApp(authenticate=lambda _: GUEST)
    app.register_blueprint(routes)
    return app


@pytest.mark.parametrize("path", ["/fails", "/unsayable"])
@pytest.mark.parametrize("https", [False, True])
def test_failures_of_ours(path: str, https: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://a.test" if https else "http://127.0.0.1:8000")
    settings.cache_clear()
    raw = failing()(http_event("GET", path), None)
    settings_then = list(faults_of(raw, private=True, https=https))
    monkeypatch.undo()
    settings.cache_clear()
    assert raw["statusCode"] == 500
    assert not settings_then


KINDS = [kind for kind in vars(refusals).values() if isinstance(kind, refusals.Kind)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.status} {kind.code}")
def test_what_the_gateway_refuses_by_itself(kind: refusals.Kind) -> None:
    assert CITY.http is not None
    answer = refusals.Refusals(CITY.http).refuse(kind, "r-1")
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    assert len(headers) == len(answer.headers), "a header twice"
    assert EXACT.items() <= headers.items()
    assert headers["cache-control"] == "no-store"
    # API Gateway wants static values in single quotes: a policy that has none is sure to hold.
    assert headers["content-security-policy"] == "sandbox"
    assert headers["content-type"] == "application/problem+json"
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize("kind", ["MISSING_AUTHENTICATION_TOKEN", "DEFAULT_4XX", "DEFAULT_5XX"])
def test_the_template_words_them_alike(kind: str) -> None:
    assert CITY.http is not None
    assert CITY.http.responses[kind].headers == CITY.http.responses["DEFAULT_4XX"].headers
    assert "Strict-Transport-Security" in CITY.http.responses[kind].headers


def test_even_a_gateway_that_is_not_ready_answers_safely() -> None:
    headers = dict(refusals.unready().headers)
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"cache-control"] == b"no-store"
