"""The values of expressions and their types: equality and order as CEL has them.

None, bool, int and Decimal (one kind, number), str, Timestamp, Duration, list, dict.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

from covey.records.time import rfc3339

MAX_NESTING = 64  # of values that are compared; the JSON decoder stops at 32


class Timestamp(int):
    """An instant in milliseconds since the epoch. Not a number to expressions."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Timestamp({int(self)})"

    def __str__(self) -> str:
        return rfc3339(int(self))


class Duration(int):
    """A span of time in milliseconds. Not a number to expressions."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Duration({int(self)})"

    def __str__(self) -> str:
        return _seconds(int(self))


def _seconds(ms: int) -> str:
    whole, rest = divmod(abs(ms), 1000)
    fraction = f".{rest:03d}".rstrip("0") if rest else ""
    return f"{'-' if ms < 0 else ''}{whole}{fraction}s"


class Type(StrEnum):
    """What a name or a part of an expression is, where that is known before evaluation.

    DATE is text of the form YYYY-MM-DD; NUMBER may hold fractions; ANY is known only later.
    Every type admits null.
    """

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOL = "bool"
    TIMESTAMP = "timestamp"
    DURATION = "duration"
    DATE = "date"
    LIST = "list"
    MAP = "map"
    NULL = "null"
    ANY = "any"


_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "bool",
    int: "number",
    Decimal: "number",
    str: "text",
    Timestamp: "timestamp",
    Duration: "duration",
    list: "list",
    tuple: "list",
    dict: "map",
}
_BASES: tuple[tuple[type, str], ...] = ((str, "text"), (Mapping, "map"), (list, "list"))
# Values of one of these exact types compare with Python's own operators.
PLAIN = frozenset((str, int, bool, Timestamp, Duration, type(None)))
ORDERED = frozenset((str, int, bool, Timestamp, Duration))


def kind(value: Any) -> str:
    """The kind of a value: null, bool, number, text, timestamp, duration, list, map, unknown."""
    found = _KINDS.get(type(value))
    if found is not None:
        if found == "number" and type(value) is Decimal and not value.is_finite():
            return "unknown"
        return found
    for base, name in _BASES:
        if isinstance(value, base):
            return name
    return "unknown"


def equal(left: Any, right: Any, depth: int = 0) -> bool | None:
    """Whether two values are equal, or None where their types do not compare.

    Null compares with everything. Lists and maps compare by their parts: one part that
    differs decides, else one that does not compare leaves it open.
    """
    of = kind(left)
    if of != kind(right):
        return False if left is None or right is None else None
    if of == "list":
        return _equal_lists(left, right, depth)
    if of == "map":
        return _equal_maps(left, right, depth)
    return None if of == "unknown" else bool(left == right)


def _equal_lists(left: Any, right: Any, depth: int) -> bool | None:
    if len(left) != len(right):
        return False
    return _all_equal(zip(left, right, strict=True), depth)


def _equal_maps(left: Any, right: Any, depth: int) -> bool | None:
    if len(left) != len(right) or any(key not in right for key in left):
        return False
    return _all_equal(((left[key], right[key]) for key in left), depth)


def _all_equal(pairs: Any, depth: int) -> bool | None:
    if depth >= MAX_NESTING:
        return None
    answer: bool | None = True
    for left, right in pairs:
        same = equal(left, right, depth + 1)
        if same is False:
            return False
        if same is None:
            answer = None
    return answer


def member(value: Any, items: Any) -> bool | None:
    """Whether a list holds a value; None where no item is equal and some do not compare."""
    answer: bool | None = False
    for item in items:
        same = equal(value, item)
        if same:
            return True
        if same is None:
            answer = None
    return answer


def comparable(left: Any, right: Any) -> bool:
    """Whether two values have an order: numbers, texts, bools, timestamps, durations."""
    of = kind(left)
    return of == kind(right) and of in ("number", "text", "bool", "timestamp", "duration")


def weight(value: Any) -> int:
    """Roughly what it costs to look at all of a value, in steps of some 20 nanoseconds."""
    if isinstance(value, str):
        return 1 + len(value) // 16
    if not isinstance(value, (list, tuple, Mapping)):
        return 1
    total = 0
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (list, tuple)):
            waiting.extend(part)
        elif isinstance(part, Mapping):
            waiting.extend(part.values())
        total += 1 + (len(part) // 16 if isinstance(part, str) else 0)
    return total
