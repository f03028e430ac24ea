"""Rows → bodies of records: values by field, relations by id, the id by the key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.cli.sql.converting import converted, key_text
from infra.cli.sql.plan import RelationSource, TablePlan
from infra.cli.sql.reading import Row
from infra.cli.sql.record_ids import id_of


class RowFaultError(ValueError):
    """Why a row can be no record: the field, or "" for its id, and the reason."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Draft:
    """A record to be: its id and body. `loops` are relations that may be set after it is there."""

    id: str
    body: Mapping[str, Any]
    loops: tuple[str, ...] = ()


class Drafting:
    """Makes drafts of the rows of one table."""

    def __init__(self, plan: TablePlan) -> None:
        self._plan = plan
        about = plan.document["fields"]
        self._loops = (*plan.late, *(one.field for one in plan.relations if one.loops))
        # No value is said where something would else take its place.
        self._said = frozenset(name for name, field in about.items() if "default" in field)

    def draft(self, row: Row) -> Draft:
        """The record of a row; raises RowFaultError."""
        try:
            record_id = row.key[0] if self._plan.verbatim else id_of(row.key)
        except ValueError as error:
            raise RowFaultError("", str(error)) from None
        body: dict[str, Any] = {}
        for source in self._plan.fields:
            try:
                value = converted(source.reading, row.values[source.column], many=source.many)
            except (ValueError, TypeError, ArithmeticError) as error:
                raise RowFaultError(source.field, str(error)) from None
            if value is not None or source.field in self._said:
                body[source.field] = value
        for relation in self._plan.relations:
            target = _target(relation, row, self._plan.verbatim)
            if target is not None or relation.field in self._said:
                body[relation.field] = target
        loops = tuple(name for name in self._loops if name in body)
        return Draft(record_id, body, loops)


def _target(relation: RelationSource, row: Row, verbatim: bool) -> str | None:
    """The id that foreign key columns name; none where one of them has no value (MATCH SIMPLE)."""
    values = [row.values[name] for name in relation.columns]
    if any(value is None for value in values):
        return None
    if verbatim:
        return str(values[0])
    try:
        return id_of([key_text(value) for value in values])
    except ValueError as error:
        raise RowFaultError(relation.field, str(error)) from None
