"""date: a day of the calendar, without time and zone."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from covey.expressions import Type
from covey.fields import option
from covey.fields.bounds import check_bounds, check_order
from covey.fields.fault import FieldFault, wrong_type
from covey.fields.field_type import FieldType
from covey.fields.option import Option

if TYPE_CHECKING:
    from covey.collections.model import Field

_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def canonical_date(text: str) -> str:
    """The text itself where it is a full-date of RFC 3339 in the years 0001 to 9999.

    Raises ValueError. Python's own fromisoformat also takes weeks and dates without dashes.
    """
    if not _SHAPE.fullmatch(text):
        raise ValueError("not a date")
    datetime.date.fromisoformat(text)
    return str(text)


def _bound(text: str) -> str:
    try:
        return canonical_date(text)
    except ValueError:
        raise option.OptionFault("must be a date, such as 2026-01-31") from None


class DateType(FieldType):
    """A day, kept as its text, whose order is the order in time."""

    name = "date"
    summary = "A day: `2026-01-31`."
    expression_type = Type.DATE
    computed = frozenset({"now"})
    options: ClassVar[Mapping[str, Option]] = {
        "min": option.text("The first day.", _bound, {"format": "date"}),
        "max": option.text("The last day.", _bound, {"format": "date"}),
    }

    def validate(self, value: Any, field: Field) -> str:
        """The text itself."""
        if not isinstance(value, str):
            raise wrong_type("a date as text")
        try:
            text = canonical_date(value)
        except ValueError:
            raise FieldFault("invalid_date", "must be a date, such as 2026-01-31") from None
        check_bounds(text, field.options)
        return text

    def json_schema(self, field: Field) -> dict[str, Any]:
        """A string of format date."""
        return {"type": "string", "format": "date"}

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Bounds in order."""
        check_order(options)
