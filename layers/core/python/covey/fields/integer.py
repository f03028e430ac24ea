"""integer: a whole number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from covey.expressions import Type
from covey.fields import option
from covey.fields.bounds import check_bounds, check_order
from covey.fields.fault import FieldFault, wrong_type
from covey.fields.field_type import FieldType
from covey.fields.number import bounds
from covey.fields.numeric import DIGITS, canonical_number
from covey.fields.option import Option

if TYPE_CHECKING:
    from covey.collections.model import Field


class IntegerType(FieldType):
    """A whole number of up to 38 digits; 1.0 and 1E2 are whole too (JSON Schema, "integer")."""

    name = "integer"
    summary = "A whole number of up to 38 digits."
    expression_type = Type.INTEGER
    options: ClassVar[Mapping[str, Option]] = {
        "min": option.number("The least value.", integral=True),
        "max": option.number("The greatest value.", integral=True),
    }

    def validate(self, value: Any, field: Field) -> int:
        """An int."""
        if isinstance(value, bool):
            raise wrong_type("an integer")
        number = canonical_number(value)
        if not isinstance(number, int):
            if number == number.to_integral_value():
                raise FieldFault("out_of_range", f"must have at most {DIGITS} digits")
            raise wrong_type("an integer")
        check_bounds(number, field.options)
        return number

    def json_schema(self, field: Field) -> dict[str, Any]:
        """An integer with its bounds."""
        return {"type": "integer"} | bounds(field)

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Bounds in order."""
        check_order(options)
