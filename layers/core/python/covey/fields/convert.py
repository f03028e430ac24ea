"""Values of one type as values of another, where that loses nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from covey.fields.fault import FieldFault
from covey.fields.registry import validate_value

if TYPE_CHECKING:
    from covey.collections.model import Field

TEXTS = frozenset({"choice", "email", "relation", "text", "url"})
_NUMBER = re.compile(r"[-+]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,3})?")


def convertible(old: Field, new: Field) -> bool:
    """Whether some values of `old` could be values of `new`: of another type, or a list of it."""
    if old.list and not new.list:
        return False
    return old.type == new.type or (old.type, new.type) in _WAYS


def converted(value: Any, old: Field, new: Field) -> Any:
    """The value as one of `new`, canonical and within its bounds; FieldFault where it is none."""
    way = _WAYS.get((old.type, new.type), _same)
    if old.list:
        changed: Any = [way(item) for item in value]
    else:
        changed = [way(value)] if new.list else way(value)
    return validate_value(changed, new)


def _same(value: Any) -> Any:
    return value


def _number(value: str) -> Any:
    if not _NUMBER.fullmatch(value):
        raise FieldFault("wrong_type", "must be a number")
    return Decimal(value)


def _bool(value: str) -> bool:
    if value not in ("true", "false"):
        raise FieldFault("wrong_type", "must be true or false")
    return value == "true"


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _day(value: str) -> str:
    if not value.endswith("T00:00:00.000Z"):
        raise FieldFault("invalid_date", "must be midnight in UTC to be a date")
    return value[:10]


_ONWARD = ("bool", "date", "datetime", "integer", "number")
_FROM_TEXT: Mapping[str, Callable[[Any], Any]] = {
    "bool": _bool,
    "date": _same,
    "datetime": _same,
    "integer": _number,
    "number": _number,
}
_WAYS: Mapping[tuple[str, str], Callable[[Any], Any]] = {
    **{(one, other): _same for one in TEXTS for other in TEXTS if one != other},
    **{(one, kind): way for one in TEXTS for kind, way in _FROM_TEXT.items()},
    **{(kind, one): _words for kind in _ONWARD for one in TEXTS},
    ("integer", "number"): _same,
    ("number", "integer"): _same,
    ("date", "datetime"): lambda value: f"{value}T00:00:00.000Z",
    ("datetime", "date"): _day,
    **{("json", kind): _same for kind in (*TEXTS, *_ONWARD, "geo")},
    ("geo", "json"): _same,
}
