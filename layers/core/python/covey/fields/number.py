"""number: an exact decimal."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from covey.expressions import Type
from covey.fields import option
from covey.fields.bounds import check_bounds, check_order
from covey.fields.field_type import FieldType
from covey.fields.numeric import canonical_number
from covey.fields.option import Option

if TYPE_CHECKING:
    from covey.collections.model import Field


class NumberType(FieldType):
    """An exact decimal of up to 38 digits."""

    name = "number"
    summary = "An exact decimal of up to 38 digits, from 1E-130 to 9.9E+125 in magnitude."
    expression_type = Type.NUMBER
    keeps = frozenset({"integer"})
    options: ClassVar[Mapping[str, Option]] = {
        "min": option.number("The least value."),
        "max": option.number("The greatest value."),
    }

    def validate(self, value: Any, field: Field) -> int | Decimal:
        """An int where the value is whole, else a Decimal without trailing zeros."""
        number = canonical_number(value)
        check_bounds(number, field.options)
        return number

    def json_schema(self, field: Field) -> dict[str, Any]:
        """A number with its bounds."""
        schema: dict[str, Any] = {"type": "number"}
        return schema | bounds(field)

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Bounds in order."""
        check_order(options)


def bounds(field: Field) -> dict[str, Any]:
    """`min` and `max` in the words of JSON Schema."""
    words = {"min": "minimum", "max": "maximum"}
    return {words[name]: field.options[name] for name in words if name in field.options}
