"""Nodes to closures: ``run(lookup) -> value``, compiled once, called often.

`lookup` is the scope's method itself, so that reading a name costs one call. Closures raise
EvaluationError and nothing else of their own; they keep no state between calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from covey.expressions.arithmetic import OPERATIONS, negate
from covey.expressions.budget import Local, paid
from covey.expressions.calls import CALLS
from covey.expressions.comparison import comparison
from covey.expressions.errors import EvaluationError
from covey.expressions.matching import compile_pattern
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
    operands,
    walk,
)
from covey.expressions.reading import Lookup, Run, fetching, holding, presence, reading
from covey.expressions.values import kind, weight


def compile_node(node: Node) -> Run:
    """The closure that evaluates a node."""
    return _compile(node, False)


def _compile(node: Node, inside: bool) -> Run:
    """`inside` a comprehension each value that is read is paid for from its budget."""
    return _COMPILERS[type(node)](node, inside)


def _literal(node: Literal, inside: bool) -> Run:
    value = node.value
    return paid(lambda _: value) if inside and weight(value) > 1 else lambda _: value


def _name(node: Name, inside: bool) -> Run:
    return paid(reading(node)) if inside else reading(node)


def _fetch(node: Fetch, inside: bool) -> Run:
    run = fetching(node, _compile(node.id, inside), node.path)
    return paid(run) if inside else run


def _list(node: ListLiteral, inside: bool) -> Run:
    items = tuple(_compile(item, inside) for item in node.items)
    return lambda lookup: [item(lookup) for item in items]


def _fault(node: Fault, inside: bool) -> Run:
    def fail(_: Lookup) -> Any:
        raise EvaluationError(node.message, node.position)

    return fail


def _no_bool(value: Any, position: int) -> EvaluationError:
    return EvaluationError(f"{kind(value)} where a bool is needed", position)


def _binary(node: Binary, inside: bool) -> Run:
    if node.operator in ("&&", "||"):
        return _logical(node, inside)
    left, right = _compile(node.left, inside), _compile(node.right, inside)
    operation = OPERATIONS.get(node.operator)
    if operation is None:
        return comparison(node, left, right)
    return _located(lambda lookup: operation(left(lookup), right(lookup)), node.position)


def _logical(node: Binary, inside: bool) -> Run:
    """One value decides alone, even beside errors; else an error wins over the rest."""
    parts = tuple(_compile(part, inside) for part in operands(node, node.operator))
    decides, position = node.operator == "||", node.position
    rest = not decides

    def run(lookup: Lookup) -> Any:
        fault = None
        for part in parts:
            try:
                value = part(lookup)
            except EvaluationError as error:
                fault = error.message, error.position
                continue
            if value is decides:
                return decides
            if value is not rest:
                fault = f"{kind(value)} where a bool is needed", position
        if fault is not None:
            raise EvaluationError(*fault)
        return rest

    return run


def _conditional(node: Conditional, inside: bool) -> Run:
    test = _compile(node.test, inside)
    then, otherwise = _compile(node.then, inside), _compile(node.otherwise, inside)

    def run(lookup: Lookup) -> Any:
        value = test(lookup)
        if value is True:
            return then(lookup)
        if value is False:
            return otherwise(lookup)
        raise _no_bool(value, node.position)

    return run


def _unary(node: Unary, inside: bool) -> Run:
    operand = _compile(node.operand, inside)
    if node.operator == "-":
        return _located(lambda lookup: negate(operand(lookup)), node.position)

    def invert(lookup: Lookup) -> bool:
        value = operand(lookup)
        if value is True:
            return False
        if value is False:
            return True
        raise _no_bool(value, node.position)

    return invert


def _located(run: Run, position: int) -> Run:
    """The closure, with errors of its own said to be at `position`."""

    def located(lookup: Lookup) -> Any:
        try:
            return run(lookup)
        except EvaluationError as error:
            raise EvaluationError(error.message, error.position or position) from None

    return located


def _call(node: Call, inside: bool) -> Run:
    first = node.arguments[0]
    if node.function == "has" and isinstance(first, Name):
        return presence(first)
    if node.function == "has" and isinstance(first, Fetch):
        return holding(fetching(first, _compile(first.id, inside), first.path[:-1]), first)
    subject = _compile(first, inside)
    if node.function == "optional":
        return _or_null(subject)
    if node.function == "matches":
        return _located(_matches(node, subject), node.position)
    function = CALLS[node.function]
    if len(node.arguments) == 1:
        return _located(lambda lookup: function(subject(lookup)), node.position)
    others = tuple(_compile(argument, inside) for argument in node.arguments[1:])
    if len(others) == 1:
        other = others[0]
        return _located(lambda lookup: function(subject(lookup), other(lookup)), node.position)
    return _located(
        lambda lookup: function(subject(lookup), *(other(lookup) for other in others)),
        node.position,
    )


def _or_null(name: Run) -> Run:
    """A name, null where it or what should hold it is not there."""

    def run(lookup: Lookup) -> Any:
        try:
            return name(lookup)
        except EvaluationError:
            return None

    return run


def _matches(node: Call, subject: Run) -> Run:
    pattern = node.arguments[1]
    found = compile_pattern(pattern.value if isinstance(pattern, Literal) else "")

    def run(lookup: Lookup) -> bool:
        text = subject(lookup)
        if not isinstance(text, str):
            raise EvaluationError(f"{kind(text)} where text is needed")
        if isinstance(lookup, Local):
            lookup.spend(len(text))
        return found(text)

    return run


def _comprehension(node: Comprehension, inside: bool) -> Run:
    source, body = _compile(node.source, inside), _compile(node.body, True)
    steps = sum(1 for _ in walk(node.body))
    decides = node.quantifier == "exists"

    def run(lookup: Lookup) -> Any:
        items = source(lookup)
        if kind(items) != "list":
            raise EvaluationError(f"{kind(items)} where a list is needed", node.position)
        local = Local(lookup, node.variable)
        fault = None
        for item in items:
            local.value = item
            local.spend(steps)  # outside the try: a spent budget ends the whole
            try:
                value = body(local)
            except EvaluationError as error:
                fault = error.message, error.position
                continue
            if value is decides:
                return decides
            if value is (not decides):
                continue
            fault = f"{kind(value)} where a bool is needed", node.position
        if fault is not None:
            raise EvaluationError(*fault)
        return not decides

    return run


_COMPILERS: dict[type, Callable[[Any, bool], Run]] = {
    Literal: _literal,
    Name: _name,
    Unary: _unary,
    Binary: _binary,
    Conditional: _conditional,
    Call: _call,
    ListLiteral: _list,
    Comprehension: _comprehension,
    Fetch: _fetch,
    Fault: _fault,
}
