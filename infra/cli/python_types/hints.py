"""A field as types of Python: of the value as it is read, as it is given, and as it is patched.

Types come from the field's own JSON Schema, so that a new field type needs nothing here.
Everything is named through modules that begin with an underscore: no field or collection can be
called so, and thus none can hide a type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.collections.model import Field
from covey.fields import value_schema

ANY = "_t.Any"
_NUMBER = "int | _decimal.Decimal"
_GIVEN_NUMBER = "float | _decimal.Decimal"  # to a type checker an int is a float too
_GIVEN_TEXTS = {"date-time": "str | _dt.datetime", "date": "str | _dt.date"}
_QUOTED = str.maketrans({'"': '\\"', "\\": "\\\\"})


def read(field: Field) -> str:
    """What a record has as this field."""
    return _of(value_schema(field), given=False)


def given(field: Field) -> str:
    """What may be given as this field when a record is created or replaced."""
    return _or_null(field, _of(value_schema(field), given=True))


def patched(field: Field) -> str:
    """What a patch may say of this field: a value, or an operator."""
    schema = value_schema(field)
    value = _of(schema, given=True)
    match schema.get("type"):
        case "array":
            value += f' | dict[_t.Literal["$append", "$remove"], {value}]'
        case "integer" | "number":
            value += f' | dict[_t.Literal["$inc"], {value}]'
    return _or_null(field, value)


def text(value: str) -> str:
    """A text as Python writes it, in double quotes."""
    if value.isprintable():
        return f'"{value.translate(_QUOTED)}"'
    return repr(value)


def _or_null(field: Field, type: str) -> str:
    return type if field.required or type == ANY else f"{type} | None"


def _of(schema: Mapping[str, Any], *, given: bool) -> str:
    if "enum" in schema:
        return f"_t.Literal[{', '.join(text(one) for one in schema['enum'])}]"
    match schema.get("type"):
        case "string":
            return _GIVEN_TEXTS.get(schema.get("format", ""), "str") if given else "str"
        case "integer":
            return "int"
        case "number":
            return _GIVEN_NUMBER if given else _NUMBER
        case "boolean":
            return "bool"
        case "array":
            return f"list[{_of(schema.get('items', {}), given=given)}]"
        case "object" if "properties" in schema:
            values = {_of(one, given=given) for one in schema["properties"].values()}
            value = values.pop() if len(values) == 1 else ANY
            names = ", ".join(text(name) for name in schema["properties"])
            return f"dict[_t.Literal[{names}], {value}]" if given else f"dict[str, {value}]"
    return ANY
