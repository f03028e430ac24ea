"""Closures that compare: ``== != < <= > >= in``."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from covey.expressions.errors import EvaluationError
from covey.expressions.nodes import Binary
from covey.expressions.reading import Lookup, Run
from covey.expressions.values import ORDERED, PLAIN, comparable, equal, kind, member

_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def comparison(node: Binary, left: Run, right: Run) -> Run:
    """The closure of a comparison of two closures' values."""
    if node.operator in ("==", "!="):
        return _equality(node, left, right)
    if node.operator in _ORDERINGS:
        return _ordering(node, left, right)
    return _membership(node, left, right)


def _mismatch(node: Binary, left: Any, right: Any) -> EvaluationError:
    return EvaluationError(
        f"{kind(left)} {node.operator} {kind(right)} does not compare", node.position
    )


def _equality(node: Binary, left: Run, right: Run) -> Run:
    def slow(one: Any, other: Any) -> bool:
        answer = equal(one, other)
        if answer is None:
            raise _mismatch(node, one, other)
        return answer

    def equals(lookup: Lookup) -> bool:
        one, other = left(lookup), right(lookup)
        if (of := type(one)) is type(other) and of in PLAIN:
            return one == other  # type: ignore[no-any-return]
        return slow(one, other)

    def differs(lookup: Lookup) -> bool:
        one, other = left(lookup), right(lookup)
        if (of := type(one)) is type(other) and of in PLAIN:
            return one != other  # type: ignore[no-any-return]
        return not slow(one, other)

    return equals if node.operator == "==" else differs


def _ordering(node: Binary, left: Run, right: Run) -> Run:
    compare = _ORDERINGS[node.operator]

    def ordered(lookup: Lookup) -> bool:
        one, other = left(lookup), right(lookup)
        if (type(one) is type(other) and type(one) in ORDERED) or comparable(one, other):
            return compare(one, other)
        raise _mismatch(node, one, other)

    return ordered


def _membership(node: Binary, left: Run, right: Run) -> Run:
    def within(lookup: Lookup) -> bool:
        value, items = left(lookup), right(lookup)
        of = kind(items)
        if of == "map" and isinstance(value, str):
            return value in items
        answer = member(value, items) if of == "list" else None
        if answer is None:
            raise _mismatch(node, value, items)
        return answer

    return within
