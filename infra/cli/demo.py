"""``covey demo``: real flights through import jobs, shown live on a page while they arrive, then
five requests with their answers.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra.cli.client import Answer, Client, ProblemError
from infra.cli.flights import Table, tables
from infra.cli.live_page import LivePage
from infra.cli.own_gateway import OwnGateway
from infra.gateway.options import HOUSE

COLLECTIONS = HOUSE / "examples" / "flights" / "collections"
PAGE = HOUSE / "examples" / "flights" / "page"
EMAIL = "demo@example.test"
_MOST_LINES = 16
_SHOWN_HEADERS = ("etag", "covey-cost", "server-timing")


@dataclass(frozen=True, slots=True)
class Example:
    """A request worth trying: why, its path, its parameters, the headers to look at."""

    why: str
    path: str
    parameters: Mapping[str, str]
    headers: tuple[str, ...] = ("covey-cost",)


EXAMPLES = (
    Example(
        "The worst delays on the way to Los Angeles: an index gives them in order, so that three "
        "cost three.",
        "/records/flights",
        {
            "filter": 'dest == "LAX"',
            "sort": "-dep_delay",
            "limit": "3",
            "fields": "time_hour,carrier,flight,dep_delay",
        },
    ),
    Example(
        "United's last flight from Newark, with its airline and airport read along.",
        "/records/flights",
        {
            "filter": 'carrier == "UA" && origin == "EWR"',
            "sort": "-time_hour",
            "limit": "1",
            "fields": "time_hour,flight,dest,carrier,origin",
            "expand": "carrier,origin",
        },
    ),
    Example(
        "How that filter would be answered: which index bounds it, what is left to look at.",
        "/records/flights",
        {
            "filter": 'carrier == "UA" && origin == "EWR"',
            "sort": "-time_hour",
            "explain": "true",
        },
    ),
    Example(
        "An order that no index gives is refused, with the line that is missing.",
        "/records/flights",
        {"filter": 'origin == "JFK"', "sort": "-air_time"},
    ),
    Example(
        "One plane by its tail number, with what the answer cost and where the time went.",
        "/records/planes/N14228",
        {},
        _SHOWN_HEADERS,
    ),
)


def run(url: str | None, token: str, rows: int, data: Path, *, stay: bool) -> None:
    """The whole demo; raises ProblemError, StartError, LookupError with what to say."""
    console = Console()
    files = tables(rows)
    if url is not None:
        with LivePage(PAGE, url) as page:
            present(Client(url, token), files, console, page.url)
        return
    with OwnGateway(COLLECTIONS, data) as gateway, LivePage(PAGE, gateway.url) as page:
        present(administrator(gateway, data), files, console, page.url)
        if stay:
            console.print(f"\nCovey goes on at {gateway.url}/docs until Ctrl-C.")
            with contextlib.suppress(KeyboardInterrupt):
                gateway.wait()


def present(client: Client, files: list[Table], console: Console, page: str) -> None:
    """Load and show, as whoever this client is; raises ProblemError.

    `page` is where flights can be seen arriving; it is told once it has names to show them by.
    """
    console.print(f"Loading into {client.url}")
    *names, flights = files
    load(client, names, console)
    console.print(f"\n[bold]See flights arrive:[/] {page}\n")
    load(client, [flights], console)
    show(client, EXAMPLES, console)
    client.close()


def administrator(gateway: OwnGateway, data: Path) -> Client:
    """The demo's own administrator: made at the first run, signed in at the next ones."""
    kept = data / "demo-password"
    if gateway.first:
        password = secrets.token_urlsafe(16)
        kept.touch(mode=0o600)
        kept.write_text(password, encoding="utf-8")
        return gateway.administrator(EMAIL, password)
    client = Client(gateway.url)
    password = kept.read_text(encoding="utf-8") if kept.is_file() else ""
    signed_in = client.call("POST", "/auth/sign-in", {"email": EMAIL, "password": password})
    client.token = signed_in["access_token"]
    return client


def load(client: Client, tables: list[Table], console: Console) -> None:
    """Import the tables one after the other, those left out that were imported before.

    Raises ProblemError for a job that fails, and for rows that were refused.
    """
    jobs = client.call("GET", "/jobs?limit=100")["items"]
    before = {job["detail"].get("collection"): job for job in jobs if job["status"] == "done"}
    with _bars(console) as bars:
        for table in tables:
            done = before.get(table.collection)
            if done is not None and done["done"] >= table.rows:
                console.print(f"  {table.collection:<10} {done['done']:>7,} rows are there already")
            else:
                _import(client, table, bars)


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("  {task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]:>8} rows/s"),
        TimeElapsedColumn(),
        console=console,
    )


def _import(client: Client, table: Table, bars: Progress) -> None:
    bar = bars.add_task(table.collection, total=table.rows, speed="")

    def advanced(job: Mapping[str, Any]) -> None:
        taken = job["done"] + job["failed"]
        seconds = bars.tasks[bar].elapsed or 0.0
        speed = f"{taken / seconds:,.0f}" if taken and seconds else ""
        bars.update(bar, completed=taken, speed=speed)

    job = client.load(table.collection, table.content, table.options, advanced)
    if job["failed"]:
        first = job["report"][0]
        raise ProblemError(
            f"{job['failed']} rows of {table.collection} were refused; row {first['row']}: "
            f"{first['field']} {first['message']}"
        )


def show(client: Client, examples: tuple[Example, ...], console: Console) -> None:
    """Ask each and print the request, ready to paste, and the answer, shortened."""
    guest = Client(client.url)  # anybody may read them: no token is needed
    for number, example in enumerate(examples, 1):
        console.print(f"\n[bold]{number}. {example.why}[/]\n")
        console.print(command(client.url, example), style="cyan", markup=False, highlight=False)
        query = f"?{urlencode(example.parameters)}" if example.parameters else ""
        answer = guest.ask("GET", example.path + query)
        console.print(shown(answer, example.headers), markup=False, highlight=False, soft_wrap=True)
    guest.close()


def command(url: str, example: Example) -> str:
    """A curl command; lines end with a backslash so that the whole can be pasted."""
    flags = "-si" if len(example.headers) > 1 else "-s"
    parts = [f"curl {flags}G {url}{example.path}" if example.parameters else f"curl {flags} {url}"]
    if not example.parameters:
        parts[0] += example.path
    parts += [f"  --data-urlencode '{name}={value}'" for name, value in example.parameters.items()]
    return " \\\n".join(parts)


def shown(answer: Answer, headers: tuple[str, ...]) -> str:
    """The status, the headers that matter, and the first lines of the document."""
    lines = [f"→ {answer.status}"]
    lines += [f"  {name}: {answer.headers[name]}" for name in headers if name in answer.headers]
    document = json.dumps(_short(answer.document), indent=2, ensure_ascii=False).split("\n")
    if len(document) > _MOST_LINES:
        rest = len(document) - _MOST_LINES
        document = [*document[:_MOST_LINES], f"… {rest} lines more"]
    return "\n".join([*lines, *(f"  {line}" for line in document)])


def _short(value: Any) -> Any:
    """Long texts cut, so that a cursor does not fill the page."""
    if isinstance(value, dict):
        return {name: _short(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_short(each) for each in value]
    return f"{value[:117]}…" if isinstance(value, str) and len(value) > 120 else value
