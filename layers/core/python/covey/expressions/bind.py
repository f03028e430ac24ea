"""Put in what is known before a record is read, and compute what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.expressions.compile import compile_node
from covey.expressions.errors import EvaluationError
from covey.expressions.expression import Expression
from covey.expressions.nodes import (
    Binary,
    Call,
    Comprehension,
    Conditional,
    Fault,
    Fetch,
    ListLiteral,
    Literal,
    Name,
    Node,
    Unary,
    children,
)

_CONSTANT = (Literal, Fault)


def bind(expression: Expression, values: Mapping[str, Any]) -> Expression:
    """The expression with these root names replaced by their values and constants folded.

    Evaluates in every scope as the original does where the scope has these values. A name
    that fails, such as ``auth.id`` of a guest, becomes a `Fault` node. ``bind(rule, {"auth":
    None, "now": …})`` of a rule on the caller alone has a Literal as its root.
    """
    root = _bind(expression.root, values)
    return expression if root is expression.root else Expression(root)


def _bind(node: Node, values: Mapping[str, Any]) -> Node:
    match node:
        case Name() | Call(function="has" | "optional", arguments=(Name(),)):
            name = node if isinstance(node, Name) else node.arguments[0]
            known = isinstance(name, Name) and name.path[0] in values
            return _constant(node, values) if known else node
        case Comprehension():
            return _bind_comprehension(node, values)
        case Fetch():
            return _bind_fetch(node, values)
        case Binary():
            return _bind_binary(node, values)
        case Conditional():
            return _bind_conditional(node, values)
        case Unary() | Call() | ListLiteral():
            return _bind_parts(node, values)
        case _:
            return node


def _bind_parts(node: Unary | Call | ListLiteral, values: Mapping[str, Any]) -> Node:
    """Of a node whose parts are all evaluated."""
    before = children(node)
    parts = tuple(_bind(part, values) for part in before)
    after: Node = node
    if any(part is not was for part, was in zip(parts, before, strict=True)):
        if isinstance(node, Unary):
            after = Unary(node.operator, parts[0], node.position)
        elif isinstance(node, Call):
            after = Call(node.function, parts, node.position)
        else:
            after = ListLiteral(parts, node.position)
    return _folded(after, parts)


def _constant(node: Node, values: Mapping[str, Any]) -> Node:
    """The literal that a node evaluates to, or the fault that it always raises."""
    try:
        return Literal(compile_node(node)(values.__getitem__), node.position)
    except EvaluationError as error:
        return Fault(error.message, error.position)


def _folded(node: Node, parts: tuple[Node, ...]) -> Node:
    """The node, or what it always comes to."""
    for part in parts:
        if isinstance(part, Fault):  # all are evaluated, so one that fails fails all
            return part
    if all(isinstance(part, Literal) for part in parts):
        return _constant(node, {})
    return node


def _bind_binary(node: Binary, values: Mapping[str, Any]) -> Node:
    left, right = _bind(node.left, values), _bind(node.right, values)
    same = left is node.left and right is node.right
    after = node if same else Binary(node.operator, left, right, node.position)
    if node.operator not in ("&&", "||"):
        return _folded(after, (left, right))
    decisive = Literal(node.operator == "||")
    if decisive in (left, right):
        return decisive
    if isinstance(left, _CONSTANT) and isinstance(right, _CONSTANT):
        return _constant(after, {})
    neutral = Literal(node.operator == "&&")
    for one, other in ((left, right), (right, left)):
        if one == neutral and is_bool(other):
            return other
    return after


def is_bool(node: Node) -> bool:
    """Whether a node can only be true, false or an error, so that ``true && node`` is node."""
    match node:
        case Literal(value=bool()):
            return True
        case Unary(operator="!") | Comprehension() | Fault():
            return True
        case Binary():
            return node.operator not in "+-*/%"
        case Call():
            return node.function in ("has", "startsWith", "endsWith", "contains", "matches")
        case Conditional():
            return is_bool(node.then) and is_bool(node.otherwise)
        case _:
            return False


def _bind_conditional(node: Conditional, values: Mapping[str, Any]) -> Node:
    test = _bind(node.test, values)
    if isinstance(test, Fault):
        return test
    if isinstance(test, Literal):
        if test.value is True:
            return _bind(node.then, values)
        if test.value is False:
            return _bind(node.otherwise, values)
        return Fault("A condition that is no bool", node.position)
    then, otherwise = _bind(node.then, values), _bind(node.otherwise, values)
    if (test, then, otherwise) == (node.test, node.then, node.otherwise):
        return node
    return Conditional(test, then, otherwise, node.position)


def _bind_fetch(node: Fetch, values: Mapping[str, Any]) -> Node:
    wanted = _bind(node.id, values)
    if isinstance(wanted, Fault) or wanted is node.id:
        return wanted if isinstance(wanted, Fault) else node
    return Fetch(node.collection, wanted, node.path, node.position)


def _bind_comprehension(node: Comprehension, values: Mapping[str, Any]) -> Node:
    source = _bind(node.source, values)
    if isinstance(source, Fault):
        return source
    visible = {name: value for name, value in values.items() if name != node.variable}
    body = _bind(node.body, visible)
    after = Comprehension(node.quantifier, source, node.variable, body, node.position)
    return node if after == node else after
