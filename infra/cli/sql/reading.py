"""Rows of a table, in the order of its key, page after page: any of them can be the next start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from infra.cli.sql.column_types import kind_of
from infra.cli.sql.converting import key_text
from infra.cli.sql.database import SQLITE
from infra.cli.sql.plan import TablePlan
from infra.cli.sql.reflecting import Column

PAGE = 200

Key = list[Any]  # of JSON's values


@dataclass(frozen=True, slots=True)
class Row:
    """A row by column, its key as text, and the key as a place to go on after."""

    values: Mapping[str, Any]
    key: tuple[str, ...]
    place: Key


class Reader:
    """Reads one table over one connection, which should be in one transaction throughout."""

    def __init__(self, connection: sa.Connection, plan: TablePlan) -> None:
        self._connection = connection
        self._table = plan.table
        names = [field.column for field in plan.fields]
        names += [name for relation in plan.relations for name in relation.columns]
        self._names = list(dict.fromkeys([*plan.table.key, *names]))
        self._source = plan.table.construct()
        self._is_sqlite = connection.dialect.name == SQLITE

    def count(self) -> int:
        """How many rows there are."""
        counted = self._connection.execute(sa.select(sa.func.count()).select_from(self._source))
        return int(counted.scalar_one())

    def keyless(self) -> int:
        """How many rows have no whole key, which SQLite allows: they are not read."""
        if not self._is_sqlite or not self._table.key:
            return 0
        missing = sa.or_(*(self._source.c[name].is_(None) for name in self._table.key))
        statement = sa.select(sa.func.count()).select_from(self._source).where(missing)
        return int(self._connection.execute(statement).scalar_one())

    def rows(self, after: Key | None = None) -> Iterator[Row]:
        """The rows after a place, or all; a table without a key is read from its beginning."""
        return self._by_key(after) if self._table.key else self._whole()

    def _by_key(self, after: Key | None) -> Iterator[Row]:
        key = self._table.key
        columns = [self._source.c[name] for name in key]
        page = sa.select(*map(self._shown, self._names)).order_by(*columns).limit(PAGE)
        if self._is_sqlite:
            page = page.where(*(column.is_not(None) for column in columns))
        while True:
            statement = page if after is None else page.where(self._beyond(columns, after))
            found = self._connection.execute(statement).mappings().all()
            for values in found:
                text = tuple(key_text(values[name]) for name in key)
                after = [_place(values[name]) for name in key]
                yield Row(dict(values), text, after)
            if len(found) < PAGE:
                return

    def _beyond(self, columns: list[Any], after: Key) -> sa.ColumnElement[bool]:
        bounds = [
            self._bound(self._table.column(name), place)
            for name, place in zip(self._table.key, after, strict=True)
        ]
        if len(columns) == 1:
            return sa.and_(columns[0] > bounds[0])
        return sa.tuple_(*columns) > sa.tuple_(*bounds)

    def _bound(self, column: Column, place: Any) -> sa.ColumnElement[Any]:
        value = _value(place)
        if self._is_sqlite:
            return sa.literal(value)
        text = f"\\x{value.hex()}" if isinstance(value, bytes) else key_text(value)
        return sa.cast(sa.literal(text, sa.String), column.type)

    def _shown(self, name: str) -> sa.ColumnElement[Any]:
        """A column as the driver has it, or as text where that cannot be kept whole."""
        column = self._source.c[name]
        kind = kind_of(self._table.column(name).type)
        if self._is_sqlite or kind.native:
            return column
        as_text: Any = ARRAY(sa.Text) if kind.many else sa.Text()
        return sa.cast(column, as_text).label(name)

    def _whole(self) -> Iterator[Row]:
        """All rows in the order of all that they hold, so that equal ones are neighbours."""
        ordered = [sa.cast(self._source.c[name], sa.Text) for name in self._names]
        statement = sa.select(*map(self._shown, self._names)).order_by(*ordered)
        streaming = self._connection.execution_options(stream_results=True, max_row_buffer=PAGE)
        before, again = "", 0
        for found in streaming.execute(statement).mappings():
            values = dict(found)
            digest = _digest(values)
            again = again + 1 if digest == before else 0
            before = digest
            yield Row(values, ("row", f"{digest}-{again}" if again else digest), [])


def _digest(values: Mapping[str, Any]) -> str:
    parts = repr([(name, type(value).__name__, str(value)) for name, value in values.items()])
    return blake2b(parts.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _place(value: Any) -> Any:
    """A key's value in JSON's terms."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, float):
        return {"float": value.hex()}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    return value if isinstance(value, bool | int | str) else str(value)


def _value(place: Any) -> Any:
    if not isinstance(place, dict):
        return place
    [(kind, text)] = place.items()
    readings: dict[str, Any] = {
        "bytes": bytes.fromhex,
        "float": float.fromhex,
        "decimal": Decimal,
    }
    return readings[kind](text)
