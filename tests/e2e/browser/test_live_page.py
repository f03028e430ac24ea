"""The demo's page in a real browser, while a job imports what it shows."""

from __future__ import annotations

import io

from playwright.sync_api import Browser, expect
from rich.console import Console

from infra.cli import demo
from infra.cli.flights import tables
from infra.cli.live_page import LivePage
from infra.cli.own_gateway import OwnGateway

ROWS = 400


def test_flights_arrive_on_the_page_while_a_job_imports_them(chromium: Browser, tmp_path):
    console = Console(file=io.StringIO())
    *names, flights = tables(ROWS)
    with (
        OwnGateway(demo.COLLECTIONS, tmp_path) as gateway,
        LivePage(demo.PAGE, gateway.url) as server,
        chromium.new_context() as context,
    ):
        client = demo.administrator(gateway, tmp_path)
        demo.load(client, names, console)
        page = context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.goto(server.url)
        expect(page.get_by_role("status")).to_have_text("Live")

        demo.load(client, [flights], console)
        client.close()

        expect(page.locator("#seen")).to_have_text(str(ROWS), timeout=30_000)
        expect(page.locator("#board tr")).to_have_count(12)
        expect(page.locator("#carriers li").first).to_contain_text("Inc.")
        expect(page.locator("#map .dest title").first).to_contain_text("flights")
        assert faults == []
