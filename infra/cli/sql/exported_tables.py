"""Collections → tables: columns with types and constraints, and values for them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

from infra.cli.sql.database import POSTGRESQL

SYSTEM = ("created", "updated", "version")
_MOST = 2**63
_ACTIONS = {"cascade": "CASCADE", "clear": "SET NULL", "restrict": "RESTRICT"}
_ID = 128
_FILE = 26


class ExactNumber(UserDefinedType[Any]):
    """A number in SQLite: a column without a type, as any other would round what it is given."""

    cache_ok = True

    def get_col_spec(self, **_options: Any) -> str:
        """Nothing: SQLite then keeps each value as it comes ("Datatypes In SQLite", 3.1)."""
        return ""


class Tables:
    """The tables of some collections in one database."""

    def __init__(self, documents: Sequence[Mapping[str, Any]], dialect: str) -> None:
        self.metadata = sa.MetaData()
        self._postgresql = dialect == POSTGRESQL
        self._names = {str(document["name"]) for document in documents}
        self.tables = {str(one["name"]): self._table(one) for one in documents}

    def _table(self, document: Mapping[str, Any]) -> sa.Table:
        name, fields = str(document["name"]), document["fields"]
        columns: list[sa.Column[Any]] = [
            sa.Column("id", sa.String(_ID), primary_key=True, autoincrement=False)
        ]
        columns += [
            sa.Column(field, self.type_of(about, name, field), nullable=not about.get("required"))
            for field, about in fields.items()
        ]
        columns += [
            sa.Column("created", self._moment(), nullable=False),
            sa.Column("updated", self._moment(), nullable=False),
            sa.Column("version", sa.BigInteger, nullable=False),
        ]
        keys = [
            self._foreign_key(field, about)
            for field, about in fields.items()
            if self._refers(about)
        ]
        unique = [sa.UniqueConstraint(*claim) for claim in document.get("unique") or ()]
        table = sa.Table(name, self.metadata, *columns, *keys, *unique)
        for parts in document.get("indexes") or ():
            named = parts["fields"] if isinstance(parts, Mapping) else parts
            _index(table, named)
        return table

    def _refers(self, about: Mapping[str, Any]) -> bool:
        """Whether a field is a foreign key: one id, of a record that must be there."""
        single = about["type"] == "relation" and not about.get("list")
        return single and about.get("check", True) and about["to"] in self._names

    @staticmethod
    def _foreign_key(field: str, about: Mapping[str, Any]) -> sa.ForeignKeyConstraint:
        action = _ACTIONS.get(about.get("on_delete", ""))
        return sa.ForeignKeyConstraint([field], [f"{about['to']}.id"], ondelete=action)

    def _moment(self) -> sa.DateTime:
        return sa.DateTime(timezone=self._postgresql)

    def type_of(self, about: Mapping[str, Any], table: str, field: str) -> Any:
        """The type of a field's column."""
        if about.get("list"):
            if not self._postgresql:
                return sa.JSON(none_as_null=True)
            inner = {key: value for key, value in about.items() if key != "list"}
            plain = {**inner, "type": "text"} if inner["type"] == "choice" else inner
            return postgresql.ARRAY(self.type_of(plain, table, field))
        made = _TYPES.get(about["type"], Tables._json)
        return made(self, about, f"{table}_{field}")

    def _text(self, about: Mapping[str, Any], _name: str) -> Any:
        return sa.String(about["max"]) if about.get("max") else sa.Text()

    def _short(self, about: Mapping[str, Any], _name: str) -> Any:
        return sa.String(
            {"email": 254, "url": 2_048, "relation": _ID, "file": _FILE}[about["type"]]
        )

    def _choice(self, about: Mapping[str, Any], name: str) -> Any:
        return sa.Enum(
            *about["choices"],
            name=_short_name(name, "choices"),
            native_enum=False,
            create_constraint=True,
        )

    def _integer(self, about: Mapping[str, Any], _name: str) -> Any:
        if _fits(about.get("min", 0)) and _fits(about.get("max", 0)):
            return sa.BigInteger()
        return sa.Numeric(38, 0) if self._postgresql else ExactNumber()

    def _number(self, _about: Mapping[str, Any], _name: str) -> Any:
        return sa.Numeric() if self._postgresql else ExactNumber()

    def _bool(self, _about: Mapping[str, Any], _name: str) -> Any:
        return sa.Boolean()

    def _datetime(self, _about: Mapping[str, Any], _name: str) -> Any:
        return self._moment()

    def _date(self, _about: Mapping[str, Any], _name: str) -> Any:
        return sa.Date()

    def _json(self, _about: Mapping[str, Any], _name: str) -> Any:
        if self._postgresql:
            return postgresql.JSONB(none_as_null=True)
        return sa.JSON(none_as_null=True)

    def row(self, document: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
        """A record as a row; raises ValueError for a number that its column cannot hold."""
        row: dict[str, Any] = {"id": record["id"], "version": record["version"]}
        for name in ("created", "updated"):
            row[name] = self._value("datetime", record[name])
        for name, about in document["fields"].items():
            value = record.get(name)
            kind: Any = self.tables[str(document["name"])].c[name].type
            if value is None:
                row[name] = None
            elif about.get("list") and self._postgresql:
                inner = kind.item_type
                row[name] = [self._value(about["type"], item, inner) for item in value]
            elif about.get("list") or about["type"] not in _TYPES:
                row[name] = value
            else:
                row[name] = self._value(about["type"], value, kind)
        return row

    def _value(self, kind: str, value: Any, column: Any = None) -> Any:
        if kind == "datetime":
            moment = datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(UTC)
            return moment if self._postgresql else moment.replace(tzinfo=None)
        if kind == "date":
            return date.fromisoformat(value)
        if isinstance(column, ExactNumber):
            return _exact(value)
        if kind == "integer" and not isinstance(column, sa.Numeric) and not _fits(value):
            raise ValueError("is beyond 64 bits")
        # The driver takes no array of ints and decimals together.
        return Decimal(value) if isinstance(column, sa.Numeric) else value


def _fits(value: Any) -> bool:
    return bool(-_MOST <= value < _MOST)


def _exact(value: Any) -> Any:
    """SQLite's number where it is the same number, else its text."""
    if isinstance(value, int) and _fits(value):
        return value
    if isinstance(value, Decimal) and Decimal(repr(float(value))) == value:
        return float(value)
    return str(value)


def _index(table: sa.Table, parts: Sequence[str]) -> None:
    columns = [
        table.c[part.removeprefix("-")].desc() if part.startswith("-") else table.c[part]
        for part in parts
    ]
    name = "_".join((table.name, *(part.removeprefix("-") for part in parts)))
    sa.Index(_short_name(name, "idx", str(parts)), *columns)


def _short_name(name: str, ending: str, whole: str = "") -> str:
    """A name within PostgreSQL's 63 bytes, told apart by what was cut."""
    digest = hashlib.sha256(f"{name}{whole}".encode()).hexdigest()[:6]
    return f"{name[: 62 - len(ending) - 7]}_{digest}_{ending}"


_TYPES: Mapping[str, Callable[[Tables, Mapping[str, Any], str], Any]] = {
    "text": Tables._text,
    "email": Tables._short,
    "url": Tables._short,
    "relation": Tables._short,
    "file": Tables._short,
    "choice": Tables._choice,
    "integer": Tables._integer,
    "number": Tables._number,
    "bool": Tables._bool,
    "datetime": Tables._datetime,
    "date": Tables._date,
}
