"""Tables → collections: fields with constraints, relations, unique values and indexes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from covey.collections.naming import is_name
from infra.cli.sql import defaults, naming
from infra.cli.sql.choosing import Choice, chosen
from infra.cli.sql.column_types import Kind, choice, kind_of
from infra.cli.sql.faults import SqlFaultError
from infra.cli.sql.index_mapping import Access
from infra.cli.sql.ordering import Place, arranged
from infra.cli.sql.plan import FieldSource, Plan, RelationSource, TablePlan
from infra.cli.sql.reflecting import Column, ForeignKey, Table

MAX_FIELDS = 200
_DELETES = {"CASCADE": "cascade", "SET NULL": "clear", "RESTRICT": "restrict"}
# Whoever may read a record reads its fields: what proves who somebody is never becomes one.
_SECRET = re.compile(
    r"(?i)(hashed_?|encrypted_?)?(password|passwd|passphrase|pwd)_?(hash|digest|salt)?|pass_?hash"
)

Note = Callable[[str], None]


def plan(tables: Sequence[Table], choice: Choice, *, texts: bool = False) -> Plan:
    """What to make of a database; `texts` says that it keeps JSON as text, as SQLite does.

    Raises SqlFaultError for tables and names that cannot be.
    """
    taken, skipped = chosen(tables, choice)
    names = _names(taken, choice.names)
    places = arranged(
        {table.name: [key.table for key in table.foreign_keys] for table in taken},
        {table.name: [key.table for key in _needed(table)] for table in taken},
    )
    by_name = {table.name: table for table in taken}
    notices: list[str] = []
    plans = []
    for place in places:
        mapper = _Mapper(by_name[place.name], by_name, names, place, texts, notices)
        plans.append(mapper.plan())
    return Plan(tuple(plans), tuple(notices), tuple(skipped))


def _needed(table: Table) -> list[ForeignKey]:
    return [
        key
        for key in table.foreign_keys
        if not any(table.column(name).nullable for name in key.columns)
    ]


def _names(tables: Sequence[Table], given: Mapping[str, str]) -> dict[str, str]:
    for source, wanted in given.items():
        if not is_name(wanted) or wanted == "users":
            raise SqlFaultError(f"--map {source}={wanted}: no collection can be called that.")
    taken = [given[table.name] for table in tables if table.name in given]
    if twice := [name for name in taken if taken.count(name) > 1]:
        raise SqlFaultError(f"--map gives the name {twice[0]} twice.")
    names: dict[str, str] = {}
    for table in tables:
        name = given.get(table.name)
        if name is None:
            name = naming.collection_name(table.name, {*taken, *names.values()})
        names[table.name] = name
    return names


class _Mapper:
    """One table."""

    def __init__(
        self,
        table: Table,
        tables: Mapping[str, Table],
        names: Mapping[str, str],
        place: Place,
        texts: bool,
        notices: list[str],
    ) -> None:
        self._table = table
        self._tables = tables
        self._names = names
        self._place = place
        self._texts = texts
        self._notices = notices
        self._documents: dict[str, dict[str, Any]] = {}
        self._fields: list[FieldSource] = []
        self._relations: list[RelationSource] = []

    def plan(self) -> TablePlan:
        table = self._table
        name = self._names[table.name]
        if name != table.name:
            self._note(f"becomes the collection {name}")
        if not table.has_primary_key:
            how = ", ".join(table.key) if table.key else "the whole row, as nothing is unique"
            self._note(f"has no primary key: ids are made of {how}")
        single = {key.columns[0]: key for key in self._keys() if len(key.columns) == 1}
        for column in table.columns:
            if column.name in single:
                self._relation(column, single[column.name])
            elif self._wanted(column):
                self._field(column)
        for key in self._keys():
            if len(key.columns) > 1:
                self._composite(key)
        if len(self._documents) > MAX_FIELDS:
            raise SqlFaultError(
                f"{table.name} has {len(self._documents)} columns; a collection has {MAX_FIELDS}."
            )
        self._note_lost()
        return TablePlan(table, self._document(name), tuple(self._fields), tuple(self._relations))

    def _note_lost(self) -> None:
        table = self._table
        for text in table.warnings:
            self._note(text)
        for text in table.unread_checks:
            self._note(f"CHECK ({' '.join(text.split())[:200]}) is not translated")
        for key in table.foreign_keys:
            if key not in self._keys():
                where = f"{key.table} ({', '.join(key.referred)})"
                self._note(f"({', '.join(key.columns)}) is no relation: {where} is no key here")

    def _document(self, name: str) -> dict[str, Any]:
        columns = {one.column: one.field for one in self._fields}
        columns |= {one.columns[0]: one.field for one in self._relations if len(one.columns) == 1}
        access = Access(self._table, columns, self._documents, self._note)
        document: dict[str, Any] = {"name": name, "ids": "custom", "fields": self._documents}
        if indexes := access.indexes():
            document["indexes"] = indexes
        if unique := access.unique():
            document["unique"] = unique
        return document

    # ---- columns

    def _wanted(self, column: Column) -> bool:
        """Whether a column becomes a field: whole numbers and UUIDs that are the key are the id."""
        if _SECRET.fullmatch(column.name):
            self._note(f"{column.name} is left out: passwords and their hashes are not copied")
            return False
        alone = self._table.key == (column.name,)
        return not (alone and kind_of(column.type).reading in ("integer", "uuid"))

    def _field(self, column: Column) -> None:
        kind = self._kind(column)
        name = naming.field_name(column.name, self._documents)
        document: dict[str, Any] = dict(kind.document)
        self._constrain(column, document)
        if not column.nullable:
            document["required"] = True
        if column.default is not None:
            self._default(column, document)
        reading = "json_text" if self._texts and kind.reading == "json" else kind.reading
        self._documents[name] = document
        self._fields.append(FieldSource(name, column.name, reading, kind.native, kind.many))
        if name != column.name:
            self._note(f"{column.name} becomes the field {name}")
        if kind.notice:
            self._note(f"{name}: {kind.notice}")

    def _kind(self, column: Column) -> Kind:
        said = [one for one in self._table.checks if one.column == column.name]
        if any(one.json for one in said):  # how Django declares a JSONField in SQLite
            return Kind("json", {"type": "json"})
        kind = kind_of(column.type)
        choices = next((one.choices for one in said if one.choices), ())
        fits = choice(list(choices)) if choices and kind.document["type"] == "text" else None
        return Kind(kind.reading, fits, kind.native, kind.notice) if fits else kind

    def _constrain(self, column: Column, document: dict[str, Any]) -> None:
        if document["type"] not in ("integer", "number") or document.get("list"):
            return
        whole = document["type"] == "integer"
        for one in self._table.checks:
            if one.column != column.name:
                continue
            step = 1 if one.strict and whole else 0
            if one.low is not None:
                document["min"] = _plain(one.low + step)
            if one.high is not None:
                document["max"] = _plain(one.high - step)

    def _default(self, column: Column, document: dict[str, Any]) -> None:
        written = str(column.default)
        if written.lower() in ("null", "null::character varying") or column.computed:
            return
        found = defaults.read(written, document["type"], many=bool(document.get("list")))
        if found is defaults.NOTHING:
            if not written.startswith("nextval("):
                self._note(f"{column.name}: its default {written[:80]} is not translated")
            return
        if document["type"] == "choice" and found not in document["choices"]:
            return
        document["default"] = found

    # ---- foreign keys

    def _keys(self) -> list[ForeignKey]:
        """The foreign keys that become relations: those to the key of a table that is taken."""
        found: list[ForeignKey] = []
        for key in self._table.foreign_keys:
            other = self._tables.get(key.table)
            if other is not None and other.key and set(key.referred) == set(other.key):
                found.append(key)
        return found

    def _options(self, key: ForeignKey, required: bool) -> dict[str, Any]:
        document: dict[str, Any] = {"type": "relation", "to": self._names[key.table]}
        if required:
            document["required"] = True
            if key.table in self._place.tight:
                document["check"] = False
                self._note(
                    f"({', '.join(key.columns)}) is a relation that is not checked: its tables "
                    "refer to each other, and it is never null"
                )
        action = _DELETES.get(key.on_delete)
        if action and not (action == "clear" and required):
            document["on_delete"] = action
        return document

    def _relation(self, column: Column, key: ForeignKey) -> None:
        name = naming.relation_name(column.name, {*self._documents, *self._others(column)})
        self._documents[name] = self._options(key, not column.nullable)
        loops = key.table in self._place.loose and column.nullable
        self._relations.append(RelationSource(name, (column.name,), key.table, loops))
        if name not in (column.name, column.name.removesuffix("_id")):
            self._note(f"{column.name} becomes the relation {name} to {self._names[key.table]}")

    def _others(self, column: Column) -> set[str]:
        """Names that other columns will want."""
        return {one.name.lower() for one in self._table.columns if one is not column}

    def _composite(self, key: ForeignKey) -> None:
        """A relation beside the columns that it is made of, which stay fields of their own."""
        name = naming.relation_name(self._names[key.table], self._documents)
        columns = dict(zip(key.referred, key.columns, strict=True))
        ordered = tuple(columns[one] for one in self._tables[key.table].key)
        required = not any(self._table.column(one).nullable for one in ordered)
        self._documents[name] = self._options(key, required)
        loops = key.table in self._place.loose and not required
        self._relations.append(RelationSource(name, ordered, key.table, loops))
        self._note(f"({', '.join(key.columns)}) is also the relation {name}")

    def _note(self, text: str) -> None:
        self._notices.append(f"{self._table.name}: {text}")


def _plain(number: Decimal) -> int | Decimal:
    return int(number) if number == number.to_integral_value() else number
