"""Python's values as the values of a record, under the same limits as a request's body."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from covey import json
from covey.errors import BadRequest


def document(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as a request's body would give them; the mapping itself stays as it is.

    A float becomes the decimal of its shortest text, a date or an aware datetime its RFC 3339
    text, a UUID text, a tuple a list. What no body could hold is refused as there: BadRequest
    ``invalid_json``, TooLarge. Raises TypeError for any other type.
    """
    try:
        text = json.encode(plain(values, json.MAX_DEPTH + 1))
        decoded: dict[str, Any] = json.decode(text.encode())
    except UnicodeEncodeError as error:
        raise BadRequest("A text holds half of a surrogate pair.", code="invalid_json") from error
    return decoded


def plain(value: Any, levels: int) -> Any:
    """The value in JSON's own types, at most so many levels deep; raises as `document` does."""
    if value is None or isinstance(value, (str, bool, int, Decimal)):
        return value
    if isinstance(value, float):
        return _decimal(value)
    if levels == 0:  # of a cycle too
        raise BadRequest(f"Values nest more than {json.MAX_DEPTH} deep.", code="invalid_json")
    if isinstance(value, Mapping):
        return {_name(key): plain(item, levels - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, levels - 1) for item in value]
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise TypeError("a datetime needs its zone: datetime.now(UTC), not datetime.now()")
        return value.isoformat()
    if isinstance(value, (datetime.date, UUID)):
        return str(value)
    raise TypeError(f"a record holds no {type(value).__name__}")


def _decimal(value: float) -> Decimal:
    number = Decimal(repr(value))
    if not number.is_finite():
        raise BadRequest(f"{value} is no number that a record holds.", code="invalid_json")
    return number


def _name(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError("the names of values are text")
    return key
