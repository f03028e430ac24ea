"""A real browser, a Covey, and pages of others on ports of their own."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.e2e.running import PASSWORD, ROOT, Running

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ROOT_EMAIL = "root@example.org"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser, and a house of its own: 40 seconds."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@dataclass
class Elsewhere:
    """Somebody else's pages; `other_site` is the same server by a name of another site.

    Sites know no ports: to a browser 127.0.0.1:1 and 127.0.0.1:2 are one site, two origins.
    """

    pages: dict[str, str] = field(default_factory=dict)
    port: int = 0

    @property
    def same_site(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def other_site(self) -> str:
        return f"http://localhost:{self.port}"

    def handler(self) -> type[BaseHTTPRequestHandler]:
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = pages.get(self.path, "<!doctype html><title>Elsewhere</title>").encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler


def serving() -> Iterator[Elsewhere]:
    made = Elsewhere()
    with ThreadingHTTPServer(("127.0.0.1", 0), made.handler()) as server:
        made.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def stranger() -> Iterator[Elsewhere]:
    """Pages of an origin that is not listed."""
    yield from serving()


@pytest.fixture(scope="session")
def friend() -> Iterator[Elsewhere]:
    """Pages of an origin that is listed."""
    yield from serving()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"NO BROWSER IS TRIED: none of {', '.join(NAMES)} is installed")
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def house(
    chromium: Browser, friend: Elsewhere, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A Covey that lists the friend's origin, and another that nobody is at."""
    listed = f"AllowedOrigins={friend.same_site},https://app.example.test"
    running = Running(
        tmp_path_factory.mktemp("house"),
        ROOT / "template.yaml",
        parameters=(listed,),
    ).start()
    yield running
    running.close()


@dataclass
class Tab:
    """A page of a fresh profile, and what its console complained of."""

    page: Page
    context: BrowserContext
    said: list[str]

    def fetch(self, url: str, **options: Any) -> dict[str, Any]:
        """What the page's own script gets, or the name of its failure."""
        answer: dict[str, Any] = self.page.evaluate(
            """async ([url, options]) => {
                 try {
                   const answer = await fetch(url, options);
                   return { status: answer.status, type: answer.type,
                            headers: Object.fromEntries(answer.headers),
                            text: await answer.text() };
                 } catch (failure) { return { failed: failure.name }; }
               }""",
            [url, options],
        )
        return answer

    def send(self, url: str, body: str, **headers: str) -> dict[str, Any]:
        sent = {"Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.fetch(url, method="POST", body=body, headers=sent)


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Tab]:
    context = chromium.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.set_default_timeout(20_000)
    yield Tab(page, context, said)
    context.close()


@pytest.fixture(scope="session")
def administrator(house: Running, chromium: Browser) -> Iterator[httpx.Client]:
    """The first one, made by the page of the one-time link."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{house.url}/auth/bootstrap#token={house.token}")
    page.get_by_label("E-mail").fill(ROOT_EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button").click()
    page.get_by_role("heading", name="You are the administrator").wait_for()
    assert house.token not in page.url, "the token stays out of the address bar"
    context.close()
    yield house.sign_in(ROOT_EMAIL).http
