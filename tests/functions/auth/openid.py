"""Providers on loopback: a real one of OpenID Connect, and as much of GitHub as sign-in needs."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

Alter = Callable[[str, dict[str, Any]], Any]


def s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass
class OpenId:
    """The provider, which also checks PKCE; `alter` changes what it answers, by path."""

    url: str = ""
    challenges: dict[str, str] = field(default_factory=dict)
    alter: Alter | None = None
    asked: list[str] = field(default_factory=list)

    def user(self, subject: str, **claims: Any) -> None:
        httpx.put(f"{self.url}/users/{subject}", json=claims).raise_for_status()

    def approve(self, url: str, subject: str) -> dict[str, str]:
        """What the provider has the browser bring back once this user agreed."""
        answer = httpx.post(url, data={"sub": subject})
        return brought(answer.headers["location"])

    def deny(self, url: str) -> dict[str, str]:
        answer = httpx.post(url, data={"action": "deny"})
        state = parse_qs(urlsplit(url).query)["state"][0]
        return {**brought(answer.headers["location"]), "state": state}

    def wrap(self, inner: Any) -> Any:
        def outer(environ: Any, start: Any) -> Any:
            request = Request(environ)
            environ["wsgi.input"] = BytesIO(request.get_data())
            request = Request(environ)
            self.asked.append(request.path)
            if request.path == "/oauth2/token" and not self._proves(request):
                return Response('{"error": "invalid_grant"}', 400)(environ, start)
            environ["wsgi.input"].seek(0)
            response = Response.from_app(inner, environ)
            if request.path == "/oauth2/authorize" and "location" in response.headers:
                code = brought(response.headers["location"]).get("code", "")
                self.challenges[code] = request.args["code_challenge"]
            if self.alter is not None and response.mimetype == "application/json":
                altered = self.alter(request.path, json.loads(response.get_data()))
                if isinstance(altered, Response):
                    return altered(environ, start)
                response.set_data(json.dumps(altered))
            return response(environ, start)

        return outer

    def _proves(self, request: Request) -> bool:
        challenge = self.challenges.get(request.form.get("code", ""))
        return challenge == s256(request.form.get("code_verifier", ""))


def brought(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


@contextmanager
def openid() -> Iterator[OpenId]:
    """A running provider."""
    provider = OpenId()
    with warnings.catch_warnings():  # of the libraries that it stands on, about each other
        import_module("authlib.deprecate")  # which sets a filter of its own
        warnings.simplefilter("ignore")
        from oidc_provider_mock import app

        inner = app()
    server = make_server("127.0.0.1", 0, provider.wrap(inner), threaded=True)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    with _serving(server):
        yield provider


@contextmanager
def _serving(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class GitHub:
    """Users by login, codes that `approve` makes, and PKCE."""

    url: str = ""
    users: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = field(default_factory=dict)
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    failing: int = 0

    def approve(self, url: str, login: str) -> dict[str, str]:
        sent = brought(url)
        code = f"code-{len(self.codes)}"
        self.codes[code] = (login, sent["code_challenge"])
        return {"code": code, "state": sent["state"]}

    def token(self, form: Mapping[str, str]) -> dict[str, Any]:
        login, challenge = self.codes.pop(form.get("code", ""), ("", ""))
        right = form.get("client_id") == "cat" and form.get("client_secret") == "cat-secret"
        if not (login and right and challenge == s256(form.get("code_verifier", ""))):
            return {"error": "bad_verification_code"}
        return {"access_token": f"gho_{login}", "token_type": "bearer", "scope": "user:email"}


@contextmanager
def github() -> Iterator[GitHub]:
    """Running."""
    fake = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(fake.token({k: v[0] for k, v in parse_qs(body).items()}))

        def do_GET(self) -> None:
            login = (self.headers.get("Authorization") or "").removeprefix("Bearer gho_")
            user, emails = fake.users[login]
            self._answer(user if self.path == "/api/user" else emails)

        def _answer(self, document: Any) -> None:
            text = json.dumps(document).encode()
            self.send_response(fake.failing or 200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    with _serving(server):
        yield fake


@contextmanager
def raw(answer: Callable[[Any], None]) -> Iterator[str]:
    """A server that writes to the socket's file whatever `answer` does; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                answer(self.wfile)
            except OSError:
                return

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with _serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


def drip(out: Any) -> None:
    """A byte now and then, for longer than anybody should wait."""
    out.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(400):
        out.write(b"X")
        out.flush()
        time.sleep(0.05)


def flood(out: Any) -> None:
    """Far more than metadata ever are."""
    out.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    for _ in range(64):
        out.write(b" " * 65_536)


@dataclass
class Browser:
    """One browser at the API: its cookie, and the steps of a sign-in."""

    api: Any
    back: str = "https://app.example.test/done"
    cookie: str = ""

    def leave(self, provider: str, **query: str) -> Any:
        """GET /auth/oauth/{provider}, keeping the cookie."""
        query = {"redirect_to": self.back, **query} if "ticket" not in query else query
        target = f"/auth/oauth/{provider}?{urlencode(query)}"
        event = self.api.event("GET", target, headers=self._headers())
        answer = self.api.handler(target)(json.loads(json.dumps(event)), None)
        for line in (answer.get("multiValueHeaders") or {}).get("Set-Cookie", []):
            self.cookie = line.partition(";")[0]
        return answer

    def come_back(self, provider: str, brings: Mapping[str, str]) -> Any:
        target = f"/auth/oauth/{provider}/callback?{urlencode(brings)}"
        return self.api("GET", target, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return {"Cookie": self.cookie} if self.cookie else {}
