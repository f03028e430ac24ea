"""Values of rows → values of records, by the reading of their column's kind.

A value that a record cannot hold raises ValueError with the reason; what only its size or a rule
forbids is left to the server, which judges every record.
"""

from __future__ import annotations

import base64
import math
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import simplejson

_DIGITS = 38
_OFFSET = re.compile(r"([+-]\d{2})$")
_TRUE, _FALSE = frozenset((True, 1, "1", "t", "true")), frozenset((False, 0, "0", "f", "false"))


def converted(reading: str, value: Any, *, many: bool = False) -> Any:
    """The value as a record holds it; None is no value. Raises ValueError."""
    if value is None:
        return None
    read = _READINGS[reading]
    if not many:
        return read(value)
    if isinstance(value, str):
        value = _json_text(value)  # SQLite has no arrays: `covey export-sql` writes JSON
    if not isinstance(value, list):
        raise ValueError("is not an array")
    if None in value:
        raise ValueError("has an item that is null")
    return [read(item) for item in value]


def key_text(value: Any) -> str:
    """The one text of a key's value, the same on both sides of a foreign key."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, bytes):
        return base64.urlsafe_b64encode(value).decode().rstrip("=")
    return str(value)


def _integer(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError("is no whole number")
    return int(number)


def _number(value: Any) -> int | Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueError("is no number")
    if isinstance(value, int):
        return _exact(Decimal(value)) if abs(value) >= 10**_DIGITS else value
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("is no finite number")
    try:
        exact = Decimal(value if isinstance(value, Decimal | str) else repr(value))
    except InvalidOperation:
        raise ValueError("is no number") from None
    if not exact.is_finite():
        raise ValueError("is no finite number")
    return _exact(exact)


def _exact(number: Decimal) -> Decimal:
    """The number, if it can be kept: the server refuses a whole request for one that cannot."""
    if number and not -131 < number.adjusted() < 126:  # before anything spells it out
        raise ValueError("is out of range")
    digits = number.as_tuple().digits
    if len("".join(map(str, digits)).strip("0")) > _DIGITS:
        raise ValueError(f"has more than {_DIGITS} digits")
    return number


def _bool(value: Any) -> bool:
    told = value.lower() if isinstance(value, str) else value
    try:
        if told in _TRUE or told in _FALSE:
            return told in _TRUE
    except TypeError:
        pass
    raise ValueError("is neither true nor false")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        raise ValueError("is no UTF-8 text")
    text = str(value)
    if "\0" in text:
        raise ValueError("holds the character U+0000")
    return text


def _datetime(value: Any) -> str:
    """RFC 3339 in UTC with milliseconds; without an offset the time is one of UTC."""
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(_OFFSET.sub(r"\1:00", value.strip()))
        except ValueError:
            raise ValueError("is no point in time in the years 1 to 9999") from None
    else:
        raise ValueError("is no point in time")
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no point in time in the years 1 to 9999") from None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z".rjust(24, "0")


def _date(value: Any) -> str:
    try:
        day = value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
    except ValueError:
        raise ValueError("is no day in the years 1 to 9999") from None
    if isinstance(value, str) and len(value) > len("2026-01-31") and value[10] not in " T":
        raise ValueError("is no day in the years 1 to 9999")
    return f"{day.year:04d}-{day.month:02d}-{day.day:02d}"


def _json(value: Any) -> Any:
    """The value itself, of numbers that can be kept."""
    if isinstance(value, dict):
        return {name: _json(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_json(part) for part in value]
    if value is None or isinstance(value, bool | str):
        return value
    return _number(value)


def _json_text(value: Any) -> Any:
    if isinstance(value, bytes):
        raise ValueError("is no JSON")
    if not isinstance(value, str):
        return _anything(value)
    try:
        found = simplejson.loads(value, use_decimal=True, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ValueError("is no JSON") from None
    return _json(found)


def _no_constant(_literal: str) -> Any:
    raise ValueError("is no JSON")


def _anything(value: Any) -> Any:
    if isinstance(value, bytes):
        return _bytes(value)
    return _number(value) if isinstance(value, float) else value


def _bytes(value: Any) -> str:
    data = value.encode() if isinstance(value, str) else bytes(value)
    return base64.b64encode(data).decode("ascii")


def _uuid(value: Any) -> str:
    try:
        return str(value if isinstance(value, uuid.UUID) else uuid.UUID(str(value)))
    except ValueError:
        raise ValueError("is no UUID") from None


_READINGS: Mapping[str, Callable[[Any], Any]] = {
    "anything": _anything,
    "bool": _bool,
    "bytes": _bytes,
    "date": _date,
    "datetime": _datetime,
    "integer": _integer,
    "json": _json,
    "json_text": _json_text,
    "number": _number,
    "text": _text,
    "uuid": _uuid,
}
