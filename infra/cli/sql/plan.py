"""What an import will do: which table becomes which collection, which column which field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.cli.sql.reflecting import Table


@dataclass(frozen=True, slots=True)
class FieldSource:
    """Where a field's values come from: a column, and how it is read."""

    field: str
    column: str
    reading: str
    native: bool = True
    many: bool = False


@dataclass(frozen=True, slots=True)
class RelationSource:
    """Where a relation's ids come from: columns, in the order of the other table's key.

    `loops` tells of tables that refer to each other: such a relation may have to be set after the
    record, once the other is there.
    """

    field: str
    columns: tuple[str, ...]
    table: str
    loops: bool = False


@dataclass(frozen=True, slots=True)
class TablePlan:
    """One table, its collection's document, and where each value comes from.

    `verbatim` tells that keys are ids already, as `covey export-sql` wrote them. `late` are fields
    of several relations that may have to be set after the record, as `RelationSource.loops`.
    """

    table: Table
    document: Mapping[str, Any]
    fields: tuple[FieldSource, ...]
    relations: tuple[RelationSource, ...]
    verbatim: bool = False
    late: tuple[str, ...] = ()

    @property
    def collection(self) -> str:
        """The collection's name."""
        return str(self.document["name"])


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything: tables in an order in which relations find their records, and what to know."""

    tables: tuple[TablePlan, ...]
    notices: tuple[str, ...]
    skipped: tuple[str, ...] = ()
