"""Indexes and unique constraints of a table → those of its collection, as far as they fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from infra.cli.sql.reflecting import Index, Table

COVERING, KEYS_ONLY = 6, 2
MAX_UNIQUE, MAX_PARTS = 10, 4

Note = Callable[[str], None]


class Access:
    """The indexes and unique values of one collection.

    `fields` are the fields of columns, those of a composite relation left out; `documents` say
    what each field is. What does not fit is told to `note`.
    """

    def __init__(
        self,
        table: Table,
        fields: Mapping[str, str],
        documents: Mapping[str, Mapping[str, Any]],
        note: Note,
    ) -> None:
        self._table = table
        self._fields = fields
        self._documents = documents
        self._note = note

    def unique(self) -> list[list[str]]:
        """The unique constraints, those of unique indexes among them."""
        table = self._table
        wanted = [("unique", columns) for columns in table.unique]
        for index in table.indexes:
            if index.unique and index.lost:
                self._note(f"unique index {index.name} is left out: {index.lost}")
            elif index.unique:
                wanted.append((index.name, index.columns))
        claims: list[list[str]] = []
        for name, columns in wanted:
            if set(columns) == set(table.key):
                continue  # the id says it
            claim = self._named(name, columns)
            if claim is None or any(set(claim) == set(other) for other in claims):
                continue
            if len(claims) == MAX_UNIQUE:
                self._note(f"unique {columns} is left out: {MAX_UNIQUE} are taken")
                continue
            claims.append(claim)
        return claims

    def indexes(self) -> list[Any]:
        """The indexes: six that carry records, then two that carry keys."""
        found: list[list[str]] = []
        for index in self._table.indexes:
            if index.unique:
                continue
            parts = self._parts(index)
            if parts and parts not in found:
                found.append(parts)
        for parts in found[COVERING + KEYS_ONLY :]:
            self._note(f"index {parts} is left out: a collection has {COVERING + KEYS_ONLY}")
        covering: list[Any] = list(found[:COVERING])
        rest = found[COVERING : COVERING + KEYS_ONLY]
        return covering + [{"fields": parts, "covering": False} for parts in rest]

    def _parts(self, index: Index) -> list[str] | None:
        if index.lost:
            self._note(f"index {index.name} is left out: {index.lost}")
            return None
        columns = list(index.columns)
        while columns and (columns[-1],) == self._table.key and columns[-1] not in self._fields:
            columns.pop()  # entries that are equal are in the order of their ids anyway
        if not columns:
            return None
        if len(columns) > MAX_PARTS:
            rest = ", ".join(columns[MAX_PARTS:])
            self._note(f"index {index.name} has {MAX_PARTS} fields: {rest} is left out of it")
        named = self._named(index.name, tuple(columns[:MAX_PARTS]))
        if named is None:
            return None
        signs = ["-" if column in index.descending else "" for column in columns]
        return [sign + name for sign, name in zip(signs, named, strict=False)]

    def _named(self, name: str, columns: tuple[str, ...]) -> list[str] | None:
        """The fields of these columns; None, and a note, where they cannot be compared."""
        missing = [column for column in columns if column not in self._fields]
        if missing:
            self._note(f"{name} {columns} is left out: {missing[0]} is no field")
            return None
        named = list(dict.fromkeys(self._fields[column] for column in columns))
        for field in named:
            about = self._documents[field]
            if about.get("list") or about["type"] == "json":
                self._note(f"{name} {columns} is left out: {field} is a list or json")
                return None
        if len(named) > MAX_PARTS and name == "unique":
            self._note(f"{name} {columns} is left out: it has more than {MAX_PARTS} fields")
            return None
        return named
