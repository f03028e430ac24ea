"""The commands; what they do is imported when one of them is called."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from infra.gateway.options import HOUSE

_URL = "http://127.0.0.1:8000"
_CORE = HOUSE / "layers" / "core" / "python"


def _pairs(_context: Any, _option: Any, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise click.BadParameter(f"{wrong[0]} has no =collection")
    return {name: value for name, _, value in pairs}


def _reached(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which Covey, and as whom."""
    for option in (
        click.option("--password", envvar="COVEY_PASSWORD", help="[env: COVEY_PASSWORD]"),
        click.option(
            "--email", envvar="COVEY_EMAIL", help="An administrator's.  [env: COVEY_EMAIL]"
        ),
        click.option("--token", envvar="COVEY_TOKEN", help="Or a token.  [env: COVEY_TOKEN]"),
        click.option("--url", default=_URL, show_default=True, help="A running Covey."),
    ):
        command = option(command)
    return command


def _reach(url: str, token: str | None, email: str | None, password: str | None) -> Any:
    from infra.cli.sql.reaching import Reach

    if email and not password:
        password = click.prompt("Password", hide_input=True)
    if not email and not token:
        raise click.UsageError("Say who imports: --email (and COVEY_PASSWORD), or COVEY_TOKEN.")
    return Reach(
        url, token="" if email else token or "", email=email or "", password=password or ""
    )


@click.command("import-sql", short_help="Bring in a PostgreSQL or SQLite database.")
@click.argument("database", metavar="DATABASE", envvar="COVEY_DATABASE")
@_reached
@click.option("--only", multiple=True, metavar="TABLE", help="These tables; * and ? match.")
@click.option("--skip", multiple=True, metavar="TABLE", help="Not these tables; * and ? match.")
@click.option(
    "--map",
    "names",
    multiple=True,
    metavar="TABLE=COLLECTION",
    callback=_pairs,
    help="The collection that a table becomes.",
)
@click.option("--schema", help="The schema of a PostgreSQL database.  [default: its own]")
@click.option("--dry-run", is_flag=True, help="Only show the collections and what does not fit.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--restart", is_flag=True, help="From the beginning, not where it was cut off.")
@click.option("--writers", type=click.IntRange(1, 32), default=4, show_default=True)
@click.option(
    "--collections",
    type=click.Path(file_okay=False, path_type=Path),
    default=HOUSE / "collections",
    help="The folder of collection files.  [default: collections]",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=HOUSE / ".covey",
    help="The folder that keeps how far it is.  [default: .covey]",
)
def import_sql(database: str, **given: Any) -> None:
    """Make collections of a database's tables, and records of their rows.

    DATABASE is an address as SQLAlchemy has it: postgresql://user@host/name or sqlite:///file.db.
    Rows go through the API of a running Covey. Cut off, it goes on where it was when it is called
    again. Ends with 1 where a row was refused.
    """
    reach = None if given["dry_run"] else _reach(*_who(given))
    sys.path[:0] = [str(_CORE)]
    from rich.console import Console

    from infra.cli.sql.choosing import Choice
    from infra.cli.sql.import_command import Settings, run
    from infra.cli.sql.reaching import Reach

    settings = Settings(
        collections=given["collections"],
        data=given["data"],
        choice=Choice(given["only"], given["skip"], given["names"]),
        schema=given["schema"],
        dry_run=given["dry_run"],
        confirmed=given["yes"],
        restart=given["restart"],
        writers=given["writers"],
    )
    _end(lambda: run(database, reach or Reach(given["url"]), settings, Console()))


@click.command("export-sql", short_help="Write collections into a database.")
@click.argument("database", metavar="DATABASE", envvar="COVEY_DATABASE")
@_reached
@click.option("--only", multiple=True, metavar="COLLECTION", help="These; all without it.")
@click.option("--into-existing", is_flag=True, help="Beside tables that are there.")
def export_sql(database: str, only: tuple[str, ...], into_existing: bool, **given: Any) -> None:
    """Make tables of collections, and rows of their records.

    DATABASE is an address as SQLAlchemy has it: postgresql://user@host/name or sqlite:///file.db.
    It must be empty. Ends with 1 where a record was refused.
    """
    reach = _reach(*_who(given))
    sys.path[:0] = [str(_CORE)]
    from rich.console import Console

    from infra.cli.sql.exporting import run

    _end(lambda: run(database, reach, only, Console(), beside=into_existing))


def _who(given: dict[str, Any]) -> tuple[str, str | None, str | None, str | None]:
    return given["url"], given["token"], given["email"], given["password"]


def _end(work: Callable[[], bool]) -> None:
    from infra.cli.sql.faults import SqlFaultError

    try:
        whole = work()
    except SqlFaultError as error:
        raise click.ClickException(str(error)) from None
    if not whole:
        sys.exit(1)
