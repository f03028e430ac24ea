"""What `covey export-sql` says of its tables, in a table beside them, so that nothing is lost.

SQL has no rules, no e-mail addresses, no hidden fields: the whole document of each collection is
kept as JSON, and an import goes by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import simplejson
import sqlalchemy as sa

from infra.cli.sql.choosing import METADATA
from infra.cli.sql.ordering import Place, arranged
from infra.cli.sql.plan import FieldSource, Plan, RelationSource, TablePlan

_AS_TEXT = frozenset(("text", "email", "url", "choice", "relation", "file"))
_AS_THEMSELVES = frozenset(("integer", "number", "bool", "datetime", "date"))


def table(metadata: sa.MetaData) -> sa.Table:
    """The table that documents are kept in."""
    return sa.Table(
        METADATA,
        metadata,
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )


def read(connection: sa.Connection, schema: str | None = None) -> dict[str, dict[str, Any]]:
    """The documents by table; nothing where the table is another's."""
    kept = sa.table(METADATA, sa.column("name"), sa.column("document"), schema=schema)
    documents = {}
    for name, text in connection.execute(sa.select(kept.c.name, kept.c.document)):
        document = simplejson.loads(text, use_decimal=True)
        if isinstance(document, dict) and isinstance(document.get("fields"), dict):
            documents[name] = document
    return documents


def restored(plan: Plan, documents: Mapping[str, Mapping[str, Any]]) -> Plan:
    """The plan with the collections as they were, where the tables still have their fields."""
    names = {one.table.name: one.collection for one in plan.tables}
    by_name = {one.table.name: one for one in plan.tables}
    places = arranged(
        {name: _referred(one, documents.get(name)) for name, one in by_name.items()},
        {name: _referred(one, documents.get(name), True) for name, one in by_name.items()},
    )
    tables = [
        _restored(by_name[place.name], documents[place.name], names, place)
        if place.name in documents
        else by_name[place.name]
        for place in places
    ]
    own = tuple(f"{name}: " for name in documents)
    notices = tuple(text for text in plan.notices if not text.startswith(own))
    return replace(plan, tables=tuple(tables), notices=notices)


def _referred(
    one: TablePlan, document: Mapping[str, Any] | None, needed: bool = False
) -> list[str]:
    """The tables that a table refers to, or those without whose rows it can have none."""
    if document is None:
        required = {n for n, field in one.document["fields"].items() if field.get("required")}
        return [each.table for each in one.relations if not needed or each.field in required]
    return [
        field["to"]
        for field in document["fields"].values()
        if "to" in field and (not needed or field.get("required"))
    ]


def _restored(
    plan: TablePlan, document: Mapping[str, Any], names: Mapping[str, str], place: Place
) -> TablePlan:
    columns = {column.name for column in plan.table.columns}
    if plan.table.key != ("id",) or not document["fields"].keys() <= columns:
        return plan
    about = {name: _field(field, names, place) for name, field in document["fields"].items()}
    fields: list[FieldSource] = []
    relations: list[RelationSource] = []
    late: list[str] = []
    for name, field in about.items():
        target = document["fields"][name].get("to")
        loops = target in place.loose and not field.get("required")
        if field["type"] == "relation" and not field.get("list"):
            relations.append(RelationSource(name, (name,), target, loops))
        else:
            many = bool(field.get("list"))
            late += [name] if loops else []
            fields.append(FieldSource(name, name, _reading(str(field["type"])), many=many))
    written = {**document, "name": plan.collection, "ids": "custom", "fields": about}
    return replace(
        plan,
        document=written,
        fields=tuple(fields),
        relations=tuple(relations),
        verbatim=True,
        late=tuple(late),
    )


def _reading(kind: str) -> str:
    if kind in _AS_TEXT:
        return "text"
    return kind if kind in _AS_THEMSELVES else "json_text"


def _field(field: Mapping[str, Any], names: Mapping[str, str], place: Place) -> dict[str, Any]:
    """A field whose relation goes where its target goes, or is plain text without one."""
    made = dict(field)
    if "to" not in made:
        return made
    target = names.get(made["to"])
    if target is None:
        kept = ("list", "required", "description")
        return {"type": "text", "max": 128} | {key: made[key] for key in kept if key in made}
    if made.get("required") and made["to"] in place.tight:
        made["check"] = False  # neither record can be first
    if target != made["to"] and str(made.get("default", "")).startswith("auth."):
        del made["default"]  # the caller's id is one of `users`, not of the copy
    return {**made, "to": target}
