"""A database as it is: its tables, with what SQLAlchemy's inspector and the checks tell of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOMAIN

from infra.cli.sql import checks
from infra.cli.sql.database import SQLITE


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `default` is the server's, as it is written there."""

    name: str
    type: sa.types.TypeEngine[Any]
    nullable: bool
    default: str | None = None
    computed: bool = False


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns that refer to `referred` columns of a `table`, in the same order."""

    columns: tuple[str, ...]
    table: str
    referred: tuple[str, ...]
    on_delete: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """An index; `lost` says what of it has no columns to tell it by, such as an expression."""

    name: str
    columns: tuple[str, ...]
    descending: frozenset[str] = frozenset()
    unique: bool = False
    lost: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `key` is its primary key, else columns that are unique and never null, or none."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    has_primary_key: bool = True
    foreign_keys: tuple[ForeignKey, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[Index, ...] = ()
    checks: tuple[checks.Said, ...] = ()
    unread_checks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    schema: str | None = None

    def column(self, name: str) -> Column:
        """A column by its name."""
        return next(column for column in self.columns if column.name == name)

    def construct(self, *names: str) -> sa.TableClause:
        """The table with these columns, for statements; their values come as the driver has them.

        Types are left out: SQLAlchemy would read SQLite's texts and fail at the first bad one.
        """
        columns: list[sa.ColumnClause[Any]] = [
            sa.column(name) for name in (names or tuple(c.name for c in self.columns))
        ]
        return sa.table(self.name, *columns, schema=self.schema)


def reflect(engine: sa.Engine, schema: str | None = None) -> list[Table]:
    """The tables of a database, or of one of its schemas, by name; views are none."""
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        names = sorted(inspector.get_table_names(schema=schema))
        statements = _statements(connection) if engine.dialect.name == SQLITE else {}
        return [_table(inspector, name, schema, statements) for name in names]


def _statements(connection: sa.Connection) -> dict[str, str]:
    """The CREATE TABLE of each table, as SQLite keeps it."""
    kept = sa.table("sqlite_master", sa.column("name"), sa.column("sql"), sa.column("type"))
    found = connection.execute(sa.select(kept.c.name, kept.c.sql).where(kept.c.type == "table"))
    return {name: sql or "" for name, sql in found}


def _table(
    inspector: sa.Inspector, name: str, schema: str | None, statements: Mapping[str, str]
) -> Table:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        columns = tuple(_column(one) for one in inspector.get_columns(name, schema=schema))
        # SQLite has an index of its own for each UNIQUE, however that is written.
        found = inspector.get_indexes(name, schema=schema, include_auto_indexes=True)
    indexes = tuple(_index(inspector, one) for one in found)
    primary = tuple(inspector.get_pk_constraint(name, schema=schema)["constrained_columns"] or ())
    unique = tuple(
        tuple(one["column_names"]) for one in inspector.get_unique_constraints(name, schema=schema)
    )
    said, unread = _said(_expressions(inspector, name, schema, statements))
    return Table(
        name=name,
        columns=columns,
        key=primary or _other_key(columns, unique, indexes),
        has_primary_key=bool(primary),
        foreign_keys=tuple(
            _foreign_key(inspector, one, schema)
            for one in inspector.get_foreign_keys(name, schema=schema)
            if one["referred_schema"] in (schema, None)
        ),
        unique=unique,
        indexes=indexes,
        checks=said,
        unread_checks=unread,
        warnings=tuple(str(one.message) for one in warned),
        schema=schema,
    )


def _column(found: Any) -> Column:
    kind = found["type"]
    return Column(
        name=found["name"],
        type=kind.data_type if isinstance(kind, DOMAIN) else kind,
        nullable=bool(found.get("nullable", True)),
        default=found.get("default"),
        computed="computed" in found,
    )


def _foreign_key(inspector: sa.Inspector, found: Any, schema: str | None) -> ForeignKey:
    referred = tuple(found["referred_columns"])
    if not referred:  # SQLite: REFERENCES a table is its primary key
        primary = inspector.get_pk_constraint(found["referred_table"], schema=schema)
        referred = tuple(primary["constrained_columns"] or ())
    action = (found.get("options") or {}).get("ondelete") or ""
    columns = tuple(found["constrained_columns"])
    return ForeignKey(columns, found["referred_table"], referred, action.upper())


def _index(inspector: sa.Inspector, found: Any) -> Index:
    columns = tuple(name for name in found["column_names"] if name is not None)
    options = found.get("dialect_options") or {}
    lost = ""
    if found.get("expressions") or None in found["column_names"]:
        lost = "it is over an expression"
    elif any(key.endswith("_where") and value is not None for key, value in options.items()):
        lost = "it holds for some rows only"
    elif (method := options.get("postgresql_using")) not in (None, "btree", "hash"):
        lost = f"it is a {method} index"
    descending = frozenset(
        name for name, how in (found.get("column_sorting") or {}).items() if "desc" in how
    )
    if inspector.dialect.name == SQLITE:
        descending = _descending(inspector, str(found["name"]))
    return Index(found["name"] or "", columns, descending, bool(found["unique"]), lost)


def _descending(inspector: sa.Inspector, index: str) -> frozenset[str]:
    """The columns that an index of SQLite has in descending order."""
    parts = sa.func.pragma_index_xinfo(index).table_valued("name", "desc", "key")
    chosen = sa.select(parts.c.name).where(parts.c.desc == 1, parts.c.key == 1)
    bind = inspector.bind
    if not isinstance(bind, sa.Connection):
        return frozenset()
    return frozenset(name for name in bind.execute(chosen).scalars() if name)


def _other_key(
    columns: tuple[Column, ...], unique: tuple[tuple[str, ...], ...], indexes: tuple[Index, ...]
) -> tuple[str, ...]:
    whole = {column.name for column in columns if not column.nullable}
    also = [one.columns for one in indexes if one.unique and not one.lost]
    fitting = [one for one in (*unique, *also) if one and whole.issuperset(one)]
    return min(fitting, key=len, default=())


def _expressions(
    inspector: sa.Inspector, name: str, schema: str | None, statements: Mapping[str, str]
) -> Iterator[str]:
    if statements:
        yield from checks.of_statement(statements.get(name, ""))
        return
    for one in inspector.get_check_constraints(name, schema=schema):
        yield one["sqltext"]


def _said(expressions: Iterator[str]) -> tuple[tuple[checks.Said, ...], tuple[str, ...]]:
    said: list[checks.Said] = []
    unread: list[str] = []
    for expression in expressions:
        found = checks.read(expression)
        if found is None:
            unread.append(expression)
        else:
            said.extend(found)
    return tuple(said), tuple(unread)
