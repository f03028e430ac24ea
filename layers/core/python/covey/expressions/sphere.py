"""Distances on the earth, taken as a sphere: right to half a percent."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

RADIUS = 6371.0088  # kilometres: the mean of IUGG


def kilometres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """The great-circle distance of two points in degrees, by the haversine formula."""
    up, right = radians(other_lat - lat) / 2, radians(other_lon - lon) / 2
    half = sin(up) ** 2 + cos(radians(lat)) * cos(radians(other_lat)) * sin(right) ** 2
    return 2 * RADIUS * asin(min(1.0, sqrt(half)))
