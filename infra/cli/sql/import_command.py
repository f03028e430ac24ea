"""``covey import-sql``: what it shows, asks, does, and says at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import simplejson
import sqlalchemy as sa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as Grid
from sqlalchemy.exc import SQLAlchemyError

from covey.collections.document import load_all
from covey.errors import Invalid
from infra.cli.sql import choosing, collections_putting, database, mapping, metadata, yaml_writing
from infra.cli.sql.choosing import Choice
from infra.cli.sql.faults import SqlFaultError
from infra.cli.sql.importing import Import, held
from infra.cli.sql.plan import Plan
from infra.cli.sql.reaching import Reach
from infra.cli.sql.reflecting import reflect
from infra.cli.sql.state import Progress as Done
from infra.cli.sql.state import State


@dataclass(frozen=True, slots=True)
class Settings:
    """How an import is asked for."""

    collections: Path
    data: Path
    choice: Choice
    schema: str | None = None
    dry_run: bool = False
    confirmed: bool = False
    restart: bool = False
    writers: int = 4


def run(address: str, reach: Reach, settings: Settings, console: Console) -> bool:
    """The whole import; whether every row became a record. Raises SqlFaultError."""
    url = database.address(address)
    engine = database.source(url)
    try:
        return _run(url, engine, reach, settings, console)
    except SQLAlchemyError as error:
        raise SqlFaultError(f"The database: {database.said(error, url)}") from None
    finally:
        engine.dispose()


def _run(
    url: sa.URL, engine: sa.Engine, reach: Reach, settings: Settings, console: Console
) -> bool:
    plan = _planned(url, engine, settings)
    if not plan.tables:
        raise SqlFaultError("There is no table to import.")
    documents, new = yaml_writing.settle(
        settings.collections, [one.document for one in plan.tables]
    )
    _check(documents)
    _show(plan, new, console)
    if settings.dry_run:
        return True
    if not settings.confirmed:
        click.confirm("Write these files, and import the rows?", default=True, abort=True)
    fresh = [document for document in documents if document["name"] in new]
    yaml_writing.write(settings.collections, fresh, f"Made of {database.shown(url)}")
    for change in collections_putting.put(reach, documents):
        console.print(change, highlight=False, markup=False)
    name = database.fingerprint(
        url, settings.schema or "", reach.url, repr([one.document for one in plan.tables])
    )
    state = State(settings.data / "import-sql" / f"{name}.db")
    try:
        return _rows(
            Import(engine, reach, state, writers=settings.writers),
            plan,
            state,
            reach,
            settings,
            console,
        )
    finally:
        state.close()


def _planned(url: sa.URL, engine: sa.Engine, settings: Settings) -> Plan:
    tables = reflect(engine, settings.schema)
    texts = url.get_backend_name() == database.SQLITE
    plan = mapping.plan(tables, settings.choice, texts=texts)
    if any(table.name == choosing.METADATA for table in tables):
        with engine.connect() as connection:
            plan = metadata.restored(plan, metadata.read(connection, settings.schema))
    return plan


def _check(documents: Sequence[Any]) -> None:
    try:
        load_all(documents)
    except Invalid as invalid:
        faults = "; ".join(f"{one.field} {one.message}" for one in invalid.errors[:10])
        raise SqlFaultError(f"These collections cannot be: {faults}") from None


def _show(plan: Plan, new: Sequence[str], console: Console) -> None:
    for one in plan.tables:
        if one.collection in new:
            console.print(yaml_writing.written(one.document), highlight=False, markup=False)
        else:
            console.print(f"{one.collection}.yaml is there and stays.\n", highlight=False)
    for notice in plan.notices:
        console.print(f"note: {notice}", highlight=False, markup=False, soft_wrap=True)
    for skipped in plan.skipped:
        console.print(f"left out: {skipped}", highlight=False, markup=False, soft_wrap=True)


def _rows(
    work: Import, plan: Plan, state: State, reach: Reach, settings: Settings, console: Console
) -> bool:
    if settings.restart:
        for one in plan.tables:
            state.restart(one.table.name)
    elif state.begun:
        console.print("Going on where the import before was.")
    counts = work.counts(plan.tables)
    _import(work, plan, state, counts, console)
    report = state.path.with_name(f"{state.path.stem}-refused.jsonl")
    refused = _report(plan, state, report)
    whole = _compare(plan, state, counts, reach, console)
    if refused:
        console.print(
            f"{refused} refusals, each with its reason: {report}", highlight=False, soft_wrap=True
        )
    state.forget()
    return whole and not refused


def _import(
    work: Import, plan: Plan, state: State, counts: dict[str, int], console: Console
) -> None:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[refused]}"),
        TimeRemainingColumn(),
        console=console,
    ) as bars:
        tasks = {}
        for one in plan.tables:
            name = one.table.name
            tasks[name] = bars.add_task(name, total=counts[name], refused="")

        def advanced(name: str, done: Done) -> None:
            refused = f"{done.refused} refused" if done.refused else ""
            bars.update(tasks[name], completed=done.written + done.refused, refused=refused)

        for one in plan.tables:
            advanced(one.table.name, state.progress(one.table.name))
        work.run(plan.tables, advanced)


def _report(plan: Plan, state: State, path: Path) -> int:
    """Write every refusal, a JSON object a line; how many there are."""
    path.unlink(missing_ok=True)
    total = 0
    for one in plan.tables:
        for refusal in state.refusals(one.table.name):
            line = {
                "table": one.table.name,
                "collection": one.collection,
                "id": refusal.id,
                "field": refusal.field,
                "code": refusal.code,
                "message": refusal.message,
            }
            with path.open("a", encoding="utf-8") as file:
                file.write(simplejson.dumps(line, ensure_ascii=False) + "\n")
            total += 1
    return total


def _compare(
    plan: Plan, state: State, counts: dict[str, int], reach: Reach, console: Console
) -> bool:
    """Show rows beside records; whether they are as many."""
    grid = Grid("table", "rows", "refused", "collection", "records")
    whole = True
    for one in plan.tables:
        name = one.table.name
        done, records = state.progress(name), held(reach, one.collection)
        mark = "" if records >= counts[name] - done.refused and done.done else "  differs"
        whole = whole and not mark
        grid.add_row(name, str(counts[name]), str(done.refused), one.collection, f"{records}{mark}")
    console.print(grid)
    return whole
