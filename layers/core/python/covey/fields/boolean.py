"""bool: true or false."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from covey.expressions import Type
from covey.fields.fault import wrong_type
from covey.fields.field_type import FieldType

if TYPE_CHECKING:
    from covey.collections.model import Field


class BoolType(FieldType):
    """True or false; neither 1 nor "true"."""

    name = "bool"
    summary = "True or false."
    expression_type = Type.BOOL

    def validate(self, value: Any, field: Field) -> bool:
        """The value itself."""
        if not isinstance(value, bool):
            raise wrong_type("true or false")
        return value

    def json_schema(self, field: Field) -> dict[str, Any]:
        """A boolean."""
        return {"type": "boolean"}
