"""From the cells of a row to the body of a record, by the types of the fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from covey import json
from covey.collections.model import Collection, Field
from covey.errors import CoveyError, FieldError, Invalid
from covey.jobs.cell_text import unguarded

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,14}")
_TRUE = frozenset({"true", "t", "1", "yes"})
_FALSE = frozenset({"false", "f", "0", "no"})
_SYSTEM = frozenset({"created", "updated", "version"})  # of an export; made anew


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are read: into which collection, from text or JSON, what stands for no value."""

    collection: Collection
    text: bool
    null: str = ""
    columns: Mapping[str, str | None] = field(default_factory=dict)

    def target(self, column: str) -> str | None:
        """The field of a column, "id", or None for a column that is left out."""
        named = self.columns.get(column, column)
        return None if named in _SYSTEM else named

    def check(self, header: Sequence[str]) -> None:
        """Raise Invalid ``unknown_column`` for columns that name no field."""
        fields = self.collection.fields
        unknown = [
            column
            for column in header
            if (name := self.target(column)) is not None and name != "id" and name not in fields
        ]
        if unknown:
            raise Invalid(
                f"{self.collection.name} has no field {', '.join(unknown)}; name a field or null "
                "for it in columns.",
                code="unknown_column",
            )


def body_of(reading: Reading, values: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The body of a record and the id the row gives, or ""; raises Invalid with each bad cell."""
    body: dict[str, Any] = {}
    given = ""
    errors: list[FieldError] = []
    for column, value in values.items():
        name = reading.target(column)
        if name is None or (reading.text and value in ("", reading.null)):
            continue
        if name == "id":
            given = str(value)
            continue
        try:
            known = reading.collection.fields.get(name)
            body[name] = value if known is None or not reading.text else cell(known, value)
        except CoveyError as refused:
            errors.append(FieldError(name, "invalid_cell", refused.detail))
    if errors:
        raise Invalid("Cells could not be read.", errors=errors)
    return body, given


def cell(described: Field, text: str) -> Any:
    """The value of a cell; text-like types take its text and validation judges it."""
    if described.list:
        return _json(text)
    reader = _READERS.get(described.type)
    return unguarded(text) if reader is None else reader(text.strip())


def _json(text: str) -> Any:
    return json.decode(text.encode())


def _number(text: str) -> Any:
    """A number as JSON writes it, also with a leading plus or zeros, as spreadsheets do."""
    if _WHOLE.fullmatch(text):  # nearly all, without the strict decoder's checks
        return int(text)
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text.removeprefix("+"))
    plain = digits.lstrip("0") or "0"
    plain = "0" + plain if plain.startswith((".", "e", "E")) else plain
    value = _json(sign + plain)
    if isinstance(value, bool) or not hasattr(value, "__abs__"):
        raise Invalid("not a number")
    return value


def _bool(text: str) -> bool:
    lowered = text.lower()
    if lowered in _TRUE or lowered in _FALSE:
        return lowered in _TRUE
    raise Invalid("not true or false")


_READERS: Mapping[str, Callable[[str], Any]] = {
    "integer": _number,
    "number": _number,
    "bool": _bool,
    "json": _json,
    "geo": _json,
}
