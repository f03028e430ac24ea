"""json: any JSON value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from covey.expressions import Type
from covey.fields import option
from covey.fields.characters import check_characters
from covey.fields.fault import FieldFault, wrong_type
from covey.fields.field_type import FieldType
from covey.fields.numeric import canonical_number
from covey.fields.option import Option
from covey.fields.shape import check_shape, read_shape
from covey.fields.size import stored_size

if TYPE_CHECKING:
    from covey.collections.model import Field

MAX_DEPTH = 32  # DynamoDB's own limit of nesting, and the decoder's
MAX_SIZE = 350 * 1024


class JsonType(FieldType):
    """A value of any shape, up to 32 levels deep."""

    name = "json"
    summary = "Any JSON value, up to 32 levels deep."
    expression_type = Type.ANY
    scalar = False
    options: ClassVar[Mapping[str, Option]] = {
        "max": option.whole("The most bytes it may take; 100,000 unless given.", 1, MAX_SIZE),
        "schema": Option(
            "A JSON Schema (2020-12) that values must fit; refers to its own $defs only.",
            {"type": "object"},
            read_shape,
        ),
    }
    keeps = frozenset(
        {"bool", "choice", "date", "datetime", "email", "geo", "integer", "number", "relation"}
        | {"text", "url"}
    )

    def validate(self, value: Any, field: Field) -> Any:
        """A copy with canonical numbers."""
        canonical = _canonical(value, 1)
        limit = field.options.get("max", 100_000)
        if stored_size(canonical) > limit:
            raise FieldFault("too_large", f"must take at most {limit} bytes")
        if "schema" in field.options:
            check_shape(canonical, field.options["schema"])
        return canonical

    def json_schema(self, field: Field) -> dict[str, Any]:
        """Anything, or what its schema says."""
        return dict(field.options.get("schema", {"description": "Any JSON value."}))


def _canonical(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        check_characters(value)
        return str(value)
    if depth > MAX_DEPTH and isinstance(value, Mapping | list | tuple):
        raise FieldFault("too_deep", f"must be at most {MAX_DEPTH} levels deep")
    if isinstance(value, Mapping):
        return {_name(name): _part(part, name, depth) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_part(part, index, depth) for index, part in enumerate(value)]
    try:
        return canonical_number(value)
    except FieldFault as fault:
        if fault.code == "wrong_type":
            raise wrong_type("a JSON value") from None
        raise


def _part(value: Any, name: str | int, depth: int) -> Any:
    try:
        return _canonical(value, depth + 1)
    except FieldFault as fault:
        raise fault.within(name) from None


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise FieldFault("invalid_name", "must have names that are text and not empty")
    check_characters(name)
    return str(name)
