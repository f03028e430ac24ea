"""The commands that move data: what they take, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from infra.cli.client import Client
from infra.cli.reaching import plain, reaching, with_client

_SHOWN = 10  # faults, of a report
_FORMAT = click.option("--format", "form", type=click.Choice(["csv", "jsonl"]))
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("export")
@click.argument("collection")
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="The file.")
@_FORMAT
@click.option("--filter", "where", help="Which records, as in lists.")
@click.option("--sort", help="In which order, as in lists.")
@click.option("--fields", help="Which fields, with commas between.")
@reaching
def export_command(
    collection: str, out: Path | None, form: str | None, url: str, token: str, **wanted: str | None
) -> None:
    """Write the records of COLLECTION that you may list into a file.

    Given again after it was ended, it goes on where it was.
    """
    from infra.cli import exports

    def run(client: Client) -> None:
        path = out or Path(f"{collection}.{form or 'jsonl'}")
        parameters = {
            name: value
            for name, value in {**wanted, "filter": wanted["where"], "where": None}.items()
            if value is not None
        }
        parameters["format"] = exports.format_of(path, form)
        job = exports.export(client, collection, parameters, path)
        click.echo(f"{job['result']['rows']:,} records in {path}")

    with_client(url, token, run)


@click.command("import")
@click.argument("collection")
@click.argument("source", type=_FILE)
@_FORMAT
@click.option("--mode", type=click.Choice(["create", "upsert"]), default="create")
@click.option("--null", default="", help="The text that stands for no value.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="COLUMN=FIELD",
    help="A column that is called otherwise; COLUMN= leaves one out.",
)
@reaching
def import_command(
    collection: str,
    source: Path,
    form: str | None,
    mode: str,
    null: str,
    columns: tuple[str, ...],
    url: str,
    token: str,
) -> None:
    """Make records of COLLECTION from a file of CSV or JSON lines.

    Given again after it was ended, it follows the job that goes on.
    """
    from infra.cli import exports

    def run(client: Client) -> None:
        options: dict[str, Any] = {"format": exports.format_of(source, form), "mode": mode}
        if null:
            options["null"] = null
        if columns:
            pairs = (text.partition("=") for text in columns)
            options["columns"] = {column: field or None for column, _, field in pairs}
        job = exports.load(client, collection, source, options)
        _tell(job, f"{job['done']:,} records in {collection}")

    with_client(url, token, run)


@click.command("backup", short_help="Write the whole deployment into a file or bucket.")
@click.argument("target")
@reaching
def backup_command(target: str, url: str, token: str) -> None:
    """Write the whole deployment into TARGET, a file or s3://bucket/prefix.

    For administrators. The file holds every record and what users sign in with: keep it as a
    secret. The digest that is printed tells it from any other.
    """
    from infra.cli import backups

    def run(client: Client) -> None:
        job, where = backups.backup(client, target)
        count = sum(job["result"]["records"].values())
        click.echo(f"{count:,} records in {where}")
        click.echo(f"sha256 {job['result']['sha256']}")

    with_client(url, token, run)


@click.command("restore", short_help="Make an empty deployment what a backup says.")
@click.argument("source")
@click.option(
    "--force",
    is_flag=True,
    help="Although there are records: those of the same id are replaced, all others stay.",
)
@click.option("--sha256", default="", help="The digest that `covey backup` printed.")
@reaching
def restore_command(source: str, force: bool, sha256: str, url: str, token: str) -> None:
    """Make an empty deployment what SOURCE says, a file or s3://bucket/key.

    For administrators. The file is checked to its last byte before anything is changed. An
    administrator made for this makes way for the one of the backup with the same e-mail.
    """
    from infra.cli import backups

    def run(client: Client) -> None:
        job = backups.restore(client, source, force=force, sha256=sha256)
        _tell(job, f"{job['done']:,} records restored")

    with_client(url, token, run)


def add_to(group: click.Group) -> None:
    """Add the commands of this module."""
    for command in (export_command, import_command, backup_command, restore_command):
        group.add_command(command)


def _tell(job: Mapping[str, Any], success: str) -> None:
    click.echo(success)
    if not job["failed"]:
        return
    for fault in job["report"][:_SHOWN]:
        where = " ".join(filter(None, (f"row {fault['row']}:", fault["field"])))
        click.echo(f"  {plain(where)} {plain(fault['message'])}", err=True)
    more = "; the whole report is beside the file" if job["result"].get("report") else ""
    raise click.ClickException(f"{job['failed']:,} rows were refused{more}")
