"""``covey export-sql``: collections → tables, records → rows, in one transaction.

Nothing is there until all is. Foreign keys come last in PostgreSQL, when every row is there, and
so the order of tables and cycles among them do not matter; SQLite does not hold rows to them while
they are written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import simplejson
import sqlalchemy as sa
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.schema import AddConstraint, CreateIndex, CreateTable

from infra.cli.sql import database, metadata
from infra.cli.sql.choosing import METADATA
from infra.cli.sql.exported_tables import Tables
from infra.cli.sql.faults import SqlFaultError
from infra.cli.sql.reaching import Reach

_ROWS = 1_000  # of an INSERT
_PAGE = 200

Said = list[str]


def run(
    address: str, reach: Reach, only: Sequence[str], console: Console, *, beside: bool = False
) -> bool:
    """Export every collection, or those named; whether every record became a row.

    `beside` allows other tables to be there. Raises SqlFaultError.
    """
    url = database.address(address)
    engine = database.target(url)
    try:
        documents = _documents(reach, only)
        with engine.begin() as connection:
            if url.get_backend_name() == database.SQLITE:
                # Python's driver would begin a transaction at the first INSERT, after the tables.
                connection.exec_driver_sql("BEGIN")
            _check_empty(connection, documents, beside)
            export = Export(connection, documents, reach)
            refused = export.run(console)
    except SQLAlchemyError as error:
        raise SqlFaultError(f"The database: {database.said(error, url)}") from None
    finally:
        engine.dispose()
    for line in refused:
        console.print(f"refused: {line}", highlight=False, markup=False, soft_wrap=True)
    return not refused


def _documents(reach: Reach, only: Sequence[str]) -> list[dict[str, Any]]:
    found = {one["name"]: one for one in reach.call("GET", "/admin/collections")["items"]}
    if unknown := [name for name in only if name not in found]:
        known = ", ".join(found)
        raise SqlFaultError(f"There is no collection {unknown[0]}; there are {known}.")
    return [
        {key: value for key, value in document.items() if key != "builds"}
        for name, document in found.items()
        if not only or name in only
    ]


def _check_empty(
    connection: sa.Connection, documents: Sequence[Mapping[str, Any]], beside: bool
) -> None:
    there = set(sa.inspect(connection).get_table_names())
    if there and not beside:
        raise SqlFaultError(
            f"The database has tables already ({', '.join(sorted(there)[:5])}); --into-existing "
            "puts new ones beside them."
        )
    wanted = {str(one["name"]) for one in documents} | {METADATA}
    if taken := sorted(there & wanted):
        raise SqlFaultError(f"There are tables of that name already: {', '.join(taken)}.")


class Export:
    """Collections into one database, over one connection in one transaction."""

    def __init__(
        self, connection: sa.Connection, documents: Sequence[Mapping[str, Any]], reach: Reach
    ) -> None:
        self._connection = connection
        self._documents = documents
        self._reach = reach
        self._tables = Tables(documents, connection.dialect.name)
        self._late_keys = connection.dialect.name == database.POSTGRESQL
        self._refused: Said = []

    def run(self, console: Console) -> Said:
        """Make tables, rows, indexes and foreign keys; what was refused, in words."""
        kept = metadata.table(self._tables.metadata)
        self._connection.execute(CreateTable(kept))
        for table in self._tables.tables.values():
            keys: list[Any] | None = [] if self._late_keys else None
            self._connection.execute(CreateTable(table, include_foreign_key_constraints=keys))
        self._connection.execute(sa.insert(kept), [_kept(one) for one in self._documents])
        columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn())
        with Progress(*columns, console=console) as bars:
            for document in self._documents:
                task = bars.add_task(str(document["name"]), total=None)
                done = 0
                for rows in self._batches(document):
                    self._insert(self._tables.tables[str(document["name"])], rows)
                    done += len(rows)
                    bars.update(task, completed=done)
                bars.update(task, total=done)
        for table in self._tables.tables.values():
            self._finish(table, console)
        return self._refused

    def _batches(self, document: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
        rows: list[dict[str, Any]] = []
        for record in records(self._reach, str(document["name"])):
            try:
                rows.append(self._tables.row(document, record))
            except ValueError as error:
                self._refused.append(f"{document['name']} {record['id']}: {error}")
            if len(rows) == _ROWS:
                yield rows
                rows = []
        if rows:
            yield rows

    def _insert(self, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        """All rows at once; where one is refused, each by itself, so that the others go in."""
        try:
            with self._connection.begin_nested():
                self._connection.execute(sa.insert(table), rows)
        except DBAPIError:
            for row in rows:
                try:
                    with self._connection.begin_nested():
                        self._connection.execute(sa.insert(table), [row])
                except DBAPIError as error:
                    said = str(error.orig).strip().split("\n")[0]
                    self._refused.append(f"{table.name} {row['id']}: {said}")

    def _finish(self, table: sa.Table, console: Console) -> None:
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            self._connection.execute(CreateIndex(index))
        if not self._late_keys:
            return
        for key in table.foreign_key_constraints:
            try:
                with self._connection.begin_nested():
                    self._connection.execute(AddConstraint(key))
            except DBAPIError:
                # A record that is gone is still named: the key holds from now on.
                key.dialect_options["postgresql"]["not_valid"] = True
                self._connection.execute(AddConstraint(key))
                names = ", ".join(column.name for column in key.columns)
                console.print(
                    f"note: {table.name} ({names}) names records that are gone: its foreign key is "
                    "NOT VALID",
                    highlight=False,
                    soft_wrap=True,
                )


def _kept(document: Mapping[str, Any]) -> dict[str, Any]:
    text = simplejson.dumps(document, use_decimal=True, ensure_ascii=False)
    return {"name": document["name"], "document": text}


def records(reach: Reach, collection: str) -> Iterator[dict[str, Any]]:
    """Every record of a collection, page by page."""
    path = f"/records/{collection}?limit={_PAGE}"
    cursor = ""
    while True:
        page = reach.call("GET", f"{path}&cursor={quote(cursor)}" if cursor else path)
        yield from page["items"]
        if not page["next"]:
            return
        cursor = page["next"]
