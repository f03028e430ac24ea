"""datetime: an instant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from covey.expressions import Type
from covey.fields import option
from covey.fields.bounds import check_bounds, check_order
from covey.fields.fault import FieldFault, wrong_type
from covey.fields.field_type import FieldType
from covey.fields.option import Option
from covey.records.time import parse_rfc3339, rfc3339

if TYPE_CHECKING:
    from covey.collections.model import Field

_EXAMPLE = "must be a date-time with an offset, such as 2026-01-31T09:30:00Z"


def _bound(text: str) -> str:
    try:
        return rfc3339(parse_rfc3339(text))
    except ValueError:
        raise option.OptionFault(_EXAMPLE) from None


class DatetimeType(FieldType):
    """An instant with milliseconds, kept in UTC, whose order as text is its order in time."""

    name = "datetime"
    summary = "An instant (RFC 3339), kept in UTC with milliseconds: `2026-01-31T09:30:00.000Z`."
    expression_type = Type.TIMESTAMP
    computed = frozenset({"now"})
    options: ClassVar[Mapping[str, Option]] = {
        "min": option.text("The first instant.", _bound, {"format": "date-time"}),
        "max": option.text("The last instant.", _bound, {"format": "date-time"}),
    }

    def validate(self, value: Any, field: Field) -> str:
        """The canonical text; digits beyond milliseconds are cut."""
        if not isinstance(value, str):
            raise wrong_type("a date-time as text")
        try:
            text = rfc3339(parse_rfc3339(value))
        except ValueError:
            raise FieldFault("invalid_datetime", _EXAMPLE) from None
        check_bounds(text, field.options)
        return text

    def json_schema(self, field: Field) -> dict[str, Any]:
        """A string of format date-time."""
        return {"type": "string", "format": "date-time"}

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Bounds in order."""
        check_order(options)
