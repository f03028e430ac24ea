"""Filters that ask for what is near: ``near(place, 48.1, 11.6, 10)`` as a circle to read."""

from __future__ import annotations

from collections.abc import Collection as Names
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Any

from covey.collections.builds import index_part
from covey.collections.model import Collection, Index
from covey.expressions import Expression, conjuncts
from covey.expressions.nodes import Call, Literal, Name, Node, Unary
from covey.expressions.sphere import kilometres
from covey.records.model import Record
from covey.records.projection import bad

MAX_KM = 5_000
RECORDS_PER_UNIT = 4  # of 1 KB in the 4 KB of a read unit


@dataclass(frozen=True, slots=True)
class Circle:
    """All places of a field within `km` of a point in degrees."""

    field: str
    lat: float
    lon: float
    km: float

    def explained(self, budget: int) -> dict[str, Any]:
        """The plan of a list by distance, for people and tools."""
        return {
            "source": f"geo [{self.field}]",
            "order": "distance",
            "range": self.field,
            "bounded": True,
            "covering": True,
            "maximal_read_units": ceil(budget / RECORDS_PER_UNIT) / 2,
            "rejected": [],
            "suggestion": None,
        }

    def distance(self, record: Record) -> float | None:
        """How far a record's place is, in kilometres; None where it has none."""
        place = record.values.get(self.field)
        if not isinstance(place, dict):
            return None
        return kilometres(float(place["lat"]), float(place["lon"]), self.lat, self.lon)


@dataclass(frozen=True, slots=True)
class Nearness:
    """How far the records of a page are, in kilometres, and whether these are the nearest."""

    distances: tuple[float, ...]
    complete: bool


def circle_of(collection: Collection, where: Expression | None) -> Circle | None:
    """The circle that a filter asks for, of a place that the collection finds records by.

    None where no part that must hold says near; raises BadRequest for a circle that is none.
    """
    if where is None or not collection.geo:
        return None
    ready = [index.parts[0].field for index in collection.geo if _is_ready(collection, index)]
    for part in conjuncts(where):
        if (found := _circle(part.root, ready)) is not None:
            return _checked(found)
    return None


def _is_ready(collection: Collection, index: Index) -> bool:
    return index_part(index) not in collection.builds


def _circle(node: Node, fields: Names[str]) -> Circle | None:
    if not isinstance(node, Call) or node.function != "near":
        return None
    place, *numbers = node.arguments
    values = [_number(one) for one in numbers]
    if not isinstance(place, Name) or place.dotted not in fields or None in values:
        return None
    lat, lon, km = (value for value in values if value is not None)
    return Circle(place.dotted, lat, lon, km)


def _number(node: Node) -> float | None:
    if isinstance(node, Unary) and node.operator == "-":
        number = _number(node.operand)
        return None if number is None else -number
    if not isinstance(node, Literal) or isinstance(node.value, bool):
        return None
    return float(node.value) if isinstance(node.value, int | Decimal) else None


def _checked(circle: Circle) -> Circle:
    if abs(circle.lat) > 90 or abs(circle.lon) > 180:
        raise bad("filter", "near() takes degrees: lat within 90, lon within 180")
    if not 0 < circle.km <= MAX_KM:
        raise bad("filter", f"near() takes a distance of up to {MAX_KM} km")
    return circle
