"""What an expression reads, and the parts that && joins."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from covey.expressions.expression import Expression
from covey.expressions.nodes import (
    Binary,
    Comprehension,
    Fault,
    Literal,
    Name,
    Node,
    children,
    operands,
)

_TRUE, _NEVER = Literal(True), Literal(False)


def names(expression: Expression) -> frozenset[str]:
    """The dotted names that an expression reads: ``{"author", "auth.id", "old.published"}``.

    The variables of exists() and all() are not among them.
    """
    found: set[str] = set()
    waiting: list[tuple[Node, frozenset[str]]] = [(expression.root, frozenset())]
    while waiting:
        node, bound = waiting.pop()
        if isinstance(node, Name) and node.path[0] not in bound:
            found.add(node.dotted)
        elif isinstance(node, Comprehension):
            waiting += (node.source, bound), (node.body, bound | {node.variable})
        else:
            waiting += [(child, bound) for child in children(node)]
    return frozenset(found)


def conjuncts(expression: Expression) -> list[Expression]:
    """The parts that must all hold for an expression to hold.

    Parts that always hold are left out, so nothing is left of ``true``; an expression that
    can never hold is ``[false]``. As ``false`` and an error deny alike, alternatives that can
    only be one or the other are dropped too: ``published || error(…)`` is ``published``. The
    parts, joined again, hold exactly where the expression holds.
    """
    parts: list[Node] = []
    for part in operands(expression.root, "&&"):
        reduced = _holding(part)
        # What is left of an alternative may be a chain of && itself.
        for inner in operands(reduced, "&&"):
            if inner == _NEVER:
                return [Expression(_NEVER)]
            if inner != _TRUE:
                parts.append(inner)
    return [Expression(part) for part in parts]


def conjoin(expressions: Iterable[Expression]) -> Expression | None:
    """The expression that holds where all of them hold; None of none."""
    roots = [expression.root for expression in expressions]
    if not roots:
        return None
    if len(roots) == 1:
        return Expression(roots[0])
    return Expression(reduce(lambda left, right: Binary("&&", left, right), roots))


def _holding(node: Node) -> Node:
    """A node that holds where the given one holds, without what can never hold."""
    if isinstance(node, Fault) or (isinstance(node, Literal) and node != _TRUE):
        return _NEVER
    if isinstance(node, Binary) and node.operator in ("&&", "||"):
        neutral, decisive = (_TRUE, _NEVER) if node.operator == "&&" else (_NEVER, _TRUE)
        parts = [_holding(part) for part in operands(node, node.operator)]
        if decisive in parts:
            return decisive
        kept = [part for part in parts if part != neutral]
        if not kept:
            return neutral
        return reduce(lambda left, right: Binary(node.operator, left, right), kept)
    return node
