"""choice: one of a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from covey.expressions import Type
from covey.fields.characters import check_characters
from covey.fields.fault import FieldFault, wrong_type
from covey.fields.field_type import FieldType
from covey.fields.option import Option, OptionFault
from covey.fields.suggestion import did_you_mean

if TYPE_CHECKING:
    from covey.collections.model import Field

MAX_CHOICES = 500
MAX_LENGTH = 200
_SHOWN = 10  # choices that an error names


def _choices(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_CHOICES:
        raise OptionFault(f"must be a list of 1 to {MAX_CHOICES} texts")
    for item in value:
        if not isinstance(item, str):
            raise OptionFault(f"must hold only texts: put {item!r} in quotes")
        if not 1 <= len(item) <= MAX_LENGTH:
            raise OptionFault(f"must hold texts of 1 to {MAX_LENGTH} characters")
        try:
            check_characters(item)
        except FieldFault as fault:
            raise OptionFault(fault.message) from None
    if len(set(value)) < len(value):
        raise OptionFault("must not name a choice twice")
    return tuple(value)


class ChoiceType(FieldType):
    """One of the declared texts."""

    name = "choice"
    summary = "One of a few texts."
    expression_type = Type.TEXT
    options: ClassVar[Mapping[str, Option]] = {
        "choices": Option(
            "The texts to choose from.",
            {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH},
                "minItems": 1,
                "maxItems": MAX_CHOICES,
                "uniqueItems": True,
            },
            _choices,
            required=True,
        )
    }

    def validate(self, value: Any, field: Field) -> str:
        """The text itself."""
        if not isinstance(value, str):
            raise wrong_type("text")
        choices = field.options["choices"]
        if value not in choices:
            shown = ", ".join(choices[:_SHOWN]) + (", …" if len(choices) > _SHOWN else "")
            hint = did_you_mean(value, choices)
            raise FieldFault("invalid_choice", f"must be one of {shown}{hint}")
        return str(value)

    def json_schema(self, field: Field) -> dict[str, Any]:
        """An enumeration."""
        return {"type": "string", "enum": list(field.options["choices"])}
