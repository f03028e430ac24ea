"""``covey jobs`` and ``covey schedules``: what runs in the background, and by the clock."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import click

from infra.cli.client import Client
from infra.cli.reaching import plain, reaching, with_client
from infra.cli.transfers import bars

_POLL_SECONDS = 0.5
_LIMIT = click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
Job = Mapping[str, Any]


def add_to(main: click.Group) -> None:
    """Add the commands."""

    @main.group(short_help="Background work of a running Covey.")
    def jobs() -> None:
        """Background work of a running Covey: imports, exports, tasks, runs of schedules."""

    @main.group()
    def schedules() -> None:
        """What runs by the clock in a running Covey, for administrators."""

    for command in (_list_jobs, _show, _logs, _cancel, _redrive):
        jobs.add_command(command)
    for command in (_list_schedules, _next, _run):
        schedules.add_command(command)


# ---- jobs


@click.command("list")
@click.option("--system", is_flag=True, help="Covey's own, for administrators.")
@click.option("--task", help="Those of a task that code queued, for administrators.")
@click.option("--schedule", help="The runs of a schedule, for administrators.")
@click.option("--dead", is_flag=True, help="What was given up, for administrators.")
@_LIMIT
@reaching
def _list_jobs(
    system: bool, task: str, schedule: str, dead: bool, limit: int, url: str, token: str
) -> None:
    """List jobs, newest first: yours, unless said otherwise."""
    query: dict[str, Any] = {"limit": limit}
    path = "/jobs"
    if dead:
        path = "/jobs/dead-letters"
    elif schedule:
        path = f"/jobs/schedules/{_part(schedule)}/runs"
    else:
        query |= {"task": task} if task else {"system": "true"} if system else {}

    def run(client: Client) -> None:
        found = client.call("GET", f"{path}?{urlencode(query)}")["items"]
        _table([(one["id"], one["status"], one["created"][:19], _what(one)) for one in found])

    with_client(url, token, run)


@click.command("show")
@click.argument("job")
@click.option("--follow", is_flag=True, help="Until it is over, with a bar.")
@reaching
def _show(job: str, follow: bool, url: str, token: str) -> None:
    """Say how a job is."""

    def run(client: Client) -> None:
        found = _followed(client, job) if follow else _job(client, job)
        _tell(found)

    with_client(url, token, run)


@click.command("logs")
@click.argument("job")
@click.option("--follow", is_flag=True, help="Go on until it is over.")
@reaching
def _logs(job: str, follow: bool, url: str, token: str) -> None:
    """Print what a task has said."""

    def run(client: Client) -> None:
        said: Sequence[str] = ()
        while True:
            found = _job(client, job)
            known = set(said)
            for line in found["log"]:
                if line not in known:
                    click.echo(plain(line))
            said = found["log"]
            if not follow or _over(found):
                return
            time.sleep(_POLL_SECONDS)

    with_client(url, token, run)


@click.command("cancel")
@click.argument("job")
@reaching
def _cancel(job: str, url: str, token: str) -> None:
    """End a job; what it has done stays done."""

    def run(client: Client) -> None:
        client.call("POST", f"/jobs/{_part(job)}/cancel")
        click.echo(f"{job} is cancelled.")

    with_client(url, token, run)


@click.command("redrive")
@click.argument("job")
@reaching
def _redrive(job: str, url: str, token: str) -> None:
    """Run a job again that was given up, for administrators."""

    def run(client: Client) -> None:
        client.call("POST", f"/jobs/dead-letters/{_part(job)}/redrive")
        click.echo(f"{job} waits for its turn.")

    with_client(url, token, run)


# ---- schedules


@click.command("list")
@reaching
def _list_schedules(url: str, token: str) -> None:
    """List the schedules: when, what, and when next."""

    def run(client: Client) -> None:
        rows = []
        for one in client.call("GET", "/jobs/schedules")["items"]:
            when = one.get("cron") or f"every {one['every']}"
            zone = one.get("zone", "UTC")
            what = one.get("task") or one["job"]
            coming = (one["next"] or "")[:19] if one["enabled"] else "paused"
            rows.append((one["name"], when, zone, what, coming))
        _table(rows)

    with_client(url, token, run)


@click.command("next")
@click.argument("name")
@click.option("--count", type=click.IntRange(1, 100), default=5, show_default=True)
@reaching
def _next(name: str, count: int, url: str, token: str) -> None:
    """Say when a schedule runs, in its own zone and in UTC."""

    def run(client: Client) -> None:
        path = f"/jobs/schedules/{_part(name)}/next?count={count}"
        _table([(one["local"], one["slot"]) for one in client.call("GET", path)["items"]])

    with_client(url, token, run)


@click.command("run")
@click.argument("name")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Until it is over.")
@reaching
def _run(name: str, wait: bool, url: str, token: str) -> None:
    """Run a schedule now, beside its slots."""

    def run(client: Client) -> None:
        job = client.call("POST", f"/jobs/schedules/{_part(name)}/run")["job"]["id"]
        if wait:
            _tell(_followed(client, job))
        else:
            click.echo(job)

    with_client(url, token, run)


# ---- words


def _part(text: str) -> str:
    return quote(text, safe="")


def _job(client: Client, job: str) -> Job:
    found: Job = client.call("GET", f"/jobs/{_part(job)}")
    return found


def _over(job: Job) -> bool:
    return job["status"] not in ("waiting", "running")


def _followed(client: Client, job: str) -> Job:
    """The job when it is over, its progress shown on the way."""
    with bars() as progress:
        bar = progress.add_task("running", total=1.0, note="")
        while True:
            found = _job(client, job)
            progress.update(bar, completed=found["progress"], note=found["status"])
            if _over(found):
                return found
            time.sleep(_POLL_SECONDS)


def _what(job: Job) -> str:
    detail = job["detail"]
    about = detail.get("task") or detail.get("collection") or ""
    percent = f"{job['progress']:.0%}" if job["status"] == "running" else ""
    words = (job["kind"], about, detail.get("slot") or "", percent, job["error"] or "")
    return " ".join(word for word in words if word)


def _tell(job: Job) -> None:
    rows = [("job", job["id"]), ("what", _what(job)), ("status", job["status"])]
    rows += [("created", job["created"]), ("started", job["started"] or "")]
    if job["seconds"] is not None:
        rows.append(("seconds", f"{job['seconds']:g}"))
    if job["attempt"] > 1:
        rows.append(("attempts", str(job["attempt"])))
    if job["done"] or job["failed"]:
        rows.append(("rows", f"{job['done']:,} done, {job['failed']:,} failed"))
    if job["cost"]:
        units = f"{job['cost']['rru']:g} read and {job['cost']['wru']:g} write units"
        rows.append(("cost", units))
    _table(rows)
    if job["status"] == "failed":
        raise click.ClickException(plain(job["error"] or "It failed."))


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    """Columns as wide as they must be."""
    if not rows:
        click.echo("There are none.")
        return
    clean = [[plain(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*clean, strict=True)]
    for row in clean:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())
