"""What the functions of the language compute."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from covey.expressions import instants
from covey.expressions.arithmetic import decimal
from covey.expressions.errors import EvaluationError
from covey.expressions.sphere import kilometres
from covey.expressions.values import Duration, Timestamp, kind


def _texts(*values: Any) -> None:
    for value in values:
        if not isinstance(value, str):
            raise EvaluationError(f"{kind(value)} where text is needed")


def starts_with(text: Any, part: Any) -> bool:
    """Whether a text begins with another."""
    _texts(text, part)
    return bool(text.startswith(part))


def ends_with(text: Any, part: Any) -> bool:
    """Whether a text ends with another."""
    _texts(text, part)
    return bool(text.endswith(part))


def contains(text: Any, part: Any) -> bool:
    """Whether a text holds another."""
    _texts(text, part)
    return part in text


def size(value: Any) -> int:
    """The characters of a text, the items of a list, the members of a map."""
    if kind(value) not in ("text", "list", "map"):
        raise EvaluationError(f"{kind(value)} has no size")
    return len(value)


def double(value: Any) -> Decimal:
    """A number that divides with fractions."""
    if kind(value) != "number":
        raise EvaluationError(f"{kind(value)} where a number is needed")
    return decimal(value)


def near(place: Any, lat: Any, lon: Any, km: Any) -> bool:
    """Whether a place is within so many kilometres of a point given in degrees."""
    if kind(place) != "map" or not {"lat", "lon"} <= set(place):
        raise EvaluationError(f"{kind(place)} where a place is needed")
    numbers = [place["lat"], place["lon"], lat, lon, km]
    for number in numbers:
        if kind(number) != "number":
            raise EvaluationError(f"{kind(number)} where a number is needed")
    if abs(lat) > 90 or abs(lon) > 180:
        raise EvaluationError("no such place on the earth")
    return kilometres(*map(float, numbers[:4])) <= float(km)


def timestamp(value: Any) -> Timestamp:
    """An instant, or the instant that a text says."""
    if isinstance(value, Timestamp):
        return value
    _texts(value)
    return instants.timestamp(value)


def duration(value: Any) -> Duration:
    """A span, or the span that a text says."""
    if isinstance(value, Duration):
        return value
    _texts(value)
    return instants.duration(value)


CALLS: dict[str, Callable[..., Any]] = {
    "startsWith": starts_with,
    "endsWith": ends_with,
    "contains": contains,
    "size": size,
    "double": double,
    "near": near,
    "orValue": lambda value, other: other if value is None else value,
    "timestamp": timestamp,
    "duration": duration,
}
