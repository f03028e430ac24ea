"""Types of columns → types of fields, and how their values are to be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

_LONGEST_TEXT = 100_000
_DIGITS = 38
_MAX_CHOICES, _MAX_CHOICE = 500, 200

Type = sa.types.TypeEngine[Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a column becomes.

    `reading` names how a value is converted (`covey`'s side: see `converting`); `document` is the
    field's type and options. The driver's own value serves where `native`, else the database is
    asked for its text. `notice` is what a person should know.
    """

    reading: str
    document: Mapping[str, Any] = field(default_factory=dict)
    native: bool = True
    notice: str = ""
    many: bool = False


def kind_of(column_type: Type) -> Kind:
    """The kind of a column; any type has one."""
    if isinstance(column_type, postgresql.ARRAY):
        return _array(column_type)
    for known, made in _KINDS:
        if isinstance(column_type, known):
            return made(column_type)
    if isinstance(column_type, sa.types.NullType):
        # SQLite's columns without a type: every value has its own.
        return Kind("anything", {"type": "json"}, notice="has no type: json")
    name = type(column_type).__name__.lower()
    return Kind("text", {"type": "text"}, native=False, notice=f"{name} is kept as text")


def _array(column_type: Any) -> Kind:
    inner = kind_of(column_type.item_type)
    if inner.document["type"] == "json":
        return Kind("json", {"type": "json"}, notice="an array of json is one json value")
    return Kind(
        inner.reading,
        {**inner.document, "list": True},
        native=inner.native,
        notice=inner.notice or "items that are null, and arrays within arrays, are refused",
        many=True,
    )


def _text(column_type: Any) -> Kind:
    length = getattr(column_type, "length", None)
    short = length is not None and 0 < length <= _LONGEST_TEXT
    return Kind("text", {"type": "text", **({"max": length} if short else {})})


def _enum(column_type: Any) -> Kind:
    choices = list(column_type.enums)
    return Kind("text", choice(choices) or {"type": "text"})


def choice(choices: list[str]) -> dict[str, Any] | None:
    """A choice of these texts; None where a choice cannot be of them."""
    fits = 0 < len(choices) <= _MAX_CHOICES and all(0 < len(c) <= _MAX_CHOICE for c in choices)
    return {"type": "choice", "choices": list(dict.fromkeys(choices))} if fits else None


def _numeric(column_type: Any) -> Kind:
    precision, scale = column_type.precision, column_type.scale
    whole = scale == 0 and precision is not None and precision <= _DIGITS
    notice = f"values of over {_DIGITS} digits are refused" if (precision or 0) > _DIGITS else ""
    return Kind("number", {"type": "integer" if whole else "number"}, notice=notice)


def _timestamp(column_type: Any) -> Kind:
    zone = getattr(column_type, "timezone", False)
    notice = "milliseconds are kept" if zone else "without a zone, is taken as UTC; milliseconds"
    return Kind("datetime", {"type": "datetime"}, native=False, notice=notice)


def _fixed(kind: Kind) -> Callable[[Any], Kind]:
    return lambda _type: kind


_BYTES = Kind("bytes", {"type": "text"}, notice="bytes are kept as base64 text")
# The first that fits counts: an Enum is a String, a BigInteger an Integer.
_KINDS: tuple[tuple[type[Any] | tuple[type[Any], ...], Callable[[Any], Kind]], ...] = (
    (sa.Enum, _enum),
    (sa.Boolean, _fixed(Kind("bool", {"type": "bool"}))),
    (sa.Integer, _fixed(Kind("integer", {"type": "integer"}))),
    (sa.Float, _fixed(Kind("number", {"type": "number"}))),
    (sa.Numeric, _numeric),
    (sa.DateTime, _timestamp),
    (sa.Date, _fixed(Kind("date", {"type": "date"}, native=False))),
    ((sa.Uuid, postgresql.UUID), _fixed(Kind("uuid", {"type": "text", "max": 36}))),
    (sa.JSON, _fixed(Kind("json", {"type": "json"}))),
    (sa.LargeBinary, _fixed(_BYTES)),
    (sa.String, _text),
    (
        (sa.Time, sa.Interval, postgresql.INTERVAL),
        _fixed(Kind("text", {"type": "text"}, native=False, notice="is kept as text")),
    ),
)
