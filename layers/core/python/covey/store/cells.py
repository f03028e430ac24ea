"""Places as bytes in Z order (Morton, 1966), and circles as a few ranges of them.

Latitude and longitude are halved by turns, 30 times each: the first bits of a cell are those of
the larger cells that hold it, so that a cell of any size is one range. A circle is covered by
cells around its bounding box; what they hold besides is left out by its distance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import asin, cos, degrees, radians, sin
from typing import Any

from covey.expressions.sphere import RADIUS

LEVELS = 30  # halvings of each: under 4 cm
BITS = 2 * LEVELS
BYTES = 8
MAX_CELLS = 12  # of one cover: each is a query per shard at most
_STEPS = 1 << LEVELS

Range = tuple[int, int]  # of cells, both included


@dataclass(frozen=True, slots=True)
class Box:
    """What lies between two latitudes and two longitudes, in degrees, both included."""

    south: float
    north: float
    west: float
    east: float

    def meets(self, other: Box) -> bool:
        """Whether the boxes have a point in common."""
        return (
            self.south <= other.north
            and other.south <= self.north
            and self.west <= other.east
            and other.west <= self.east
        )

    def holds(self, other: Box) -> bool:
        """Whether all of the other box lies within."""
        return (
            self.south <= other.south
            and other.north <= self.north
            and self.west <= other.west
            and other.east <= self.east
        )


def cell_of(place: Mapping[str, Any]) -> bytes:
    """The smallest cell of a place of a geo field."""
    return bytes_of(_number(float(place["lat"]), float(place["lon"])))


def bytes_of(cell: int) -> bytes:
    """A cell's number as it stands in keys."""
    return cell.to_bytes(BYTES, "big")


def boxes(lat: float, lon: float, km: float) -> list[Box]:
    """What bounds a circle: two boxes where it crosses the antimeridian.

    After Matuschek, "Finding Points Within a Distance of a Latitude/Longitude". A circle that
    holds a pole has all longitudes.
    """
    angle = km / RADIUS
    high = degrees(angle) + 1e-9  # the roundings of all that follows
    south, north = max(lat - high, -90.0), min(lat + high, 90.0)
    if south <= -90 or north >= 90 or sin(angle) >= cos(radians(lat)):
        return [Box(south, north, -180.0, 180.0)]
    wide = degrees(asin(sin(angle) / cos(radians(lat)))) + 1e-9
    west, east = lon - wide, lon + wide
    found = [Box(south, north, max(west, -180.0), min(east, 180.0))]
    if west < -180:
        found.append(Box(south, north, west + 360, 180.0))
    if east > 180:
        found.append(Box(south, north, -180.0, east - 360))
    return found


def cover(lat: float, lon: float, km: float) -> list[Range]:
    """Ranges of cells that hold every place within a circle, in order, none touching another."""
    wanted = boxes(lat, lon, km)
    open_cells, done = [(0, 0)], list[tuple[int, int]]()
    while open_cells and len(open_cells) + len(done) < MAX_CELLS:
        level, prefix = open_cells.pop(0)  # the largest first
        own = _box(level, prefix)
        if level == LEVELS or any(box.holds(own) for box in wanted):
            done.append((level, prefix))
            continue
        quarters = [(level + 1, prefix << 2 | one) for one in range(4)]
        open_cells += [one for one in quarters if any(_box(*one).meets(box) for box in wanted)]
    return joined([_range(level, prefix) for level, prefix in (*open_cells, *done)])


def joined(ranges: Sequence[Range]) -> list[Range]:
    """The same cells in as few ranges as possible, in order."""
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found


def without(ranges: Sequence[Range], read: Sequence[Range]) -> list[Range]:
    """What of the ranges is in none of those that have been read, which are in order."""
    left: list[Range] = []
    for low, high in ranges:
        at = low
        for start, end in read:
            if end < at or start > high:
                continue
            if start > at:
                left.append((at, start - 1))
            at = end + 1
        if at <= high:
            left.append((at, high))
    return left


def _number(lat: float, lon: float) -> int:
    y = min(int((lat + 90) / 180 * _STEPS), _STEPS - 1)
    x = min(int((lon + 180) / 360 * _STEPS), _STEPS - 1)
    return _spread(y) << 1 | _spread(x)


def _spread(number: int) -> int:
    """The bits of a number with a gap before each."""
    for shift in (16, 8, 4, 2, 1):
        number = (number | number << shift) & _MASKS[shift]
    return number


_MASKS = {
    16: 0x0000FFFF0000FFFF,
    8: 0x00FF00FF00FF00FF,
    4: 0x0F0F0F0F0F0F0F0F,
    2: 0x3333333333333333,
    1: 0x5555555555555555,
}


def _gathered(number: int) -> int:
    """Every second bit of a number, from the lowest on."""
    number &= _MASKS[1]
    for shift in (1, 2, 4, 8, 16):
        number = (number | number >> shift) & (_MASKS | {32: 0x00000000FFFFFFFF})[2 * shift]
    return number


def _box(level: int, prefix: int) -> Box:
    y, x = _gathered(prefix >> 1), _gathered(prefix)
    height, width = 180 / (1 << level), 360 / (1 << level)
    south, west = y * height - 90, x * width - 180
    return Box(south, south + height, west, west + width)


def _range(level: int, prefix: int) -> Range:
    shift = BITS - 2 * level
    return prefix << shift, (prefix + 1 << shift) - 1
