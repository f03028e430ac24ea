"""Whether an expression can hold at all, as far as that is cheap to tell.

It is told of single values that are held to several things: ``a == 1 && a == 2``,
``a > 5 && a < 3``, ``auth == null && auth.id == author``, ``!a && a``. What is not found may
still be impossible; what is found is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.expressions.bind import bind
from covey.expressions.clauses import conjuncts
from covey.expressions.expression import Expression
from covey.expressions.nodes import Binary, Fetch, Literal, Name, Node, Unary, operands
from covey.expressions.render import render
from covey.expressions.values import comparable, equal

_DEPTH = 4  # of alternatives in alternatives
_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

_Held = tuple[Node, str, tuple[Any, ...]]  # a value, an operator, constants


def impossible(expression: Expression, known: Mapping[str, Any] | None = None) -> str | None:
    """Why an expression never holds, with these root names of these values; None if it may.

    ``false`` as it is written is a choice, and no fault.
    """
    if expression.root == Literal(False):
        return None
    return _never(bind(expression, known or {}), _DEPTH)


def _never(expression: Expression, depth: int) -> str | None:
    parts = conjuncts(expression)
    if [part.root for part in parts] == [Literal(False)]:
        return "it is always false"
    held = [one for part in parts for one in _held(part.root)]
    for node, operator, values in held:
        against = [one for one in held if one[0] == node]
        if clash := _clash((node, operator, values), against):
            return clash
    return _by_substitution(parts, held) or _alternatives(parts, depth)


def _held(node: Node) -> list[_Held]:
    """What one part holds a value to."""
    match node:
        case Name() | Fetch():
            return [(node, "==", (True,))]
        case Unary(operator="!", operand=Name() | Fetch() as value):
            return [(value, "==", (False,))]
        case Binary(operator="in", left=Name() | Fetch() as value, right=Literal(value=list(some))):
            return [(value, "==", tuple(some))]  # `bind` has made a list of constants one
        case Binary(left=Name() | Fetch() as value, right=Literal() as constant):
            return _compared(value, node.operator, constant.value)
        case Binary(left=Literal() as constant, right=Name() | Fetch() as value):
            return _compared(value, _FLIPPED.get(node.operator, ""), constant.value)
        case _:
            return []


def _compared(node: Node, operator: str, value: Any) -> list[_Held]:
    return [(node, operator, (value,))] if operator in _FLIPPED else []


def _clash(one: _Held, others: list[_Held]) -> str | None:
    """What no value of the node can satisfy at once, if `one` names its values or a bound."""
    node, operator, values = one
    if not values:
        return f"{render(node)} is in no list"
    if operator != "==" and operator not in (">", ">="):
        return None
    for _, other, bounds in others:
        if operator == "==" and not any(_satisfies(value, other, bounds) for value in values):
            return f"{render(node)} cannot be both"
        if operator in (">", ">=") and other in ("<", "<="):
            low, high = values[0], bounds[0]
            strict = operator == ">" or other == "<"
            if comparable(low, high) and (low > high or (low == high and strict)):
                return f"{render(node)} cannot be both"
    return None


def _satisfies(value: Any, operator: str, bounds: tuple[Any, ...]) -> bool:
    """Whether a value may be what a part demands of it; in doubt it may."""
    if operator == "==":
        return any(equal(value, bound) is not False for bound in bounds)
    bound = bounds[0]
    if operator == "!=":
        return equal(value, bound) is not True
    if not comparable(value, bound):
        return value is not None and bound is not None
    low, high = (bound, value) if operator.startswith(">") else (value, bound)
    return bool(low < high or (low == high and operator.endswith("=")))


def _by_substitution(parts: list[Expression], held: list[_Held]) -> str | None:
    """Put a name that is held to one value in the other parts: null has no members."""
    for node, operator, values in held:
        if isinstance(node, Name) and len(node.path) == 1 and operator == "==" and len(values) == 1:
            for part in parts:
                reduced = conjuncts(bind(part, {node.path[0]: values[0]}))
                if [one.root for one in reduced] == [Literal(False)]:
                    return f"where {node.dotted} is {render(Literal(values[0]))}, the rest fails"
    return None


def _alternatives(parts: list[Expression], depth: int) -> str | None:
    """A part none of whose alternatives can hold beside the other parts."""
    for at, part in enumerate(parts):
        found = operands(part.root, "||")
        if len(found) < 2 or depth == 0:
            continue
        reasons = [_never(_with(parts, at, branch), depth - 1) for branch in found]
        if all(reasons):
            return reasons[0]
    return None


def _with(parts: list[Expression], at: int, branch: Node) -> Expression:
    root = branch
    for position, part in enumerate(parts):
        if position != at:
            root = Binary("&&", part.root, root)
    return Expression(root)
