"""text: any characters, also none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from covey.expressions import Type
from covey.fields import option
from covey.fields.bounds import check_order
from covey.fields.characters import check_characters
from covey.fields.fault import FieldFault, wrong_type
from covey.fields.field_type import FieldType
from covey.fields.option import Option
from covey.fields.pattern import MAX_LENGTH as MAX_PATTERN
from covey.fields.pattern import PatternFault, compiled

if TYPE_CHECKING:
    from covey.collections.model import Field

MAX_LENGTH = 100_000
MAX_MATCHED = 10_000  # characters of a field with a pattern: matching is linear, but not free


def _pattern(value: str) -> str:
    try:
        compiled(value)
    except PatternFault as fault:
        raise option.OptionFault(str(fault)) from None
    return value


class TextType(FieldType):
    """Text within a length and, where one is given, matching a pattern."""

    name = "text"
    summary = "Text of up to 100,000 characters."
    expression_type = Type.TEXT
    computed = frozenset({"now", "uuid"})
    keeps = frozenset({"choice", "date", "datetime", "email", "relation", "url"})
    options: ClassVar[Mapping[str, Option]] = {
        "min": option.whole("The fewest characters.", 0, MAX_LENGTH),
        "max": option.whole("The most characters; 100,000 unless given.", 0, MAX_LENGTH),
        "pattern": option.text(
            "A regular expression that must match somewhere in the text; use ^ and $ for all of"
            " it. Without lookaround and back-references, matched in linear time. The text then"
            " has at most 10,000 characters.",
            _pattern,
            {"maxLength": MAX_PATTERN},
        ),
    }

    def validate(self, value: Any, field: Field) -> str:
        """The text itself."""
        if not isinstance(value, str):
            raise wrong_type("text")
        low, high = field.options.get("min", 0), self._longest(field)
        if len(value) > high:
            raise FieldFault("too_long", f"must have at most {high} characters")
        if len(value) < low:
            raise FieldFault("too_short", f"must have at least {low} characters")
        check_characters(value)
        pattern = field.options.get("pattern")
        if pattern is not None and not compiled(pattern).found_in(value):
            raise FieldFault("pattern_mismatch", f"must match {pattern}")
        return str(value)

    def json_schema(self, field: Field) -> dict[str, Any]:
        """A string with its bounds."""
        schema: dict[str, Any] = {"type": "string", "maxLength": self._longest(field)}
        if "min" in field.options:
            schema["minLength"] = field.options["min"]
        if "pattern" in field.options:
            schema["pattern"] = field.options["pattern"]
        return schema

    def check_options(self, options: Any) -> None:
        """Bounds in order, and short enough for a pattern."""
        check_order(options)
        if "pattern" in options and max(options.get("min", 0), options.get("max", 0)) > MAX_MATCHED:
            raise option.OptionFault(f"max must be at most {MAX_MATCHED} where there is a pattern")

    @staticmethod
    def _longest(field: Field) -> int:
        default = MAX_MATCHED if "pattern" in field.options else MAX_LENGTH
        longest: int = field.options.get("max", default)
        return longest
