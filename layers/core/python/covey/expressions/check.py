"""Names and types of an expression, before any record is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from covey.expressions.errors import EvaluationError, ExpressionError
from covey.expressions.expression import Expression
from covey.expressions.instants import DATE, timestamp
from covey.expressions.naming import resolve
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
)
from covey.expressions.values import Type, kind

Checked = tuple[Node, Type]

_OF_LITERALS = {
    "null": Type.NULL,
    "bool": Type.BOOL,
    "text": Type.TEXT,
    "timestamp": Type.TIMESTAMP,
    "duration": Type.DURATION,
    "list": Type.LIST,
    "map": Type.MAP,
}
# Types that compare with one another share a family.
_FAMILIES = {Type.INTEGER: Type.NUMBER, Type.DATE: Type.TEXT}
_ORDERED = (Type.NUMBER, Type.TEXT, Type.BOOL, Type.TIMESTAMP, Type.DURATION)
_SIZED = (Type.TEXT, Type.LIST, Type.MAP)
_INSTANT, _SPAN, _NUMBER = Type.TIMESTAMP, Type.DURATION, Type.NUMBER
_SUMS: dict[tuple[str, Type, Type], Type] = {
    ("+", Type.TEXT, Type.TEXT): Type.TEXT,
    ("+", Type.LIST, Type.LIST): Type.LIST,
    ("+", _INSTANT, _SPAN): _INSTANT,
    ("+", _SPAN, _INSTANT): _INSTANT,
    ("+", _SPAN, _SPAN): _SPAN,
    ("-", _INSTANT, _SPAN): _INSTANT,
    ("-", _INSTANT, _INSTANT): _SPAN,
    ("-", _SPAN, _SPAN): _SPAN,
}


@dataclass(frozen=True, slots=True)
class Reach:
    """Which other records an expression may read.

    `relations` has, by name (``team``, ``old.team``), the collection that a relation leads to, so
    that ``team.owner`` reads it. `types` gives the names of a collection and what they are; None
    where that is not known yet. It raises LookupError where there is no such collection.
    """

    relations: Mapping[str, str]
    types: Callable[[str], Mapping[str, Type] | None]


def check(
    expression: Expression,
    types: Mapping[str, Type],
    expect: Type = Type.ANY,
    reach: Reach | None = None,
) -> Expression:
    """The expression, with its names known and its types fitting; raises ExpressionError.

    `types` has every root name, and may have members as dotted names: where it has any of
    ``auth.…``, others of ``auth`` are errors, else they are of type ANY. An error suggests the
    nearest of these names, so leave out what the caller may not know. `expect` is what the
    whole must be: BOOL for rules and filters.

    What is not known before evaluation passes. Quoted text beside a timestamp becomes a
    timestamp, so ``created > "2026-01-31"`` compares times; a number that may have fractions
    divides with them. Without a `reach` an expression reads no other records, neither by
    ``record()`` nor by the path of a relation; with one such a path becomes a `Fetch`.
    """
    checker = _Checker(types, reach)
    root, of = checker.check(expression.root)
    if expect is not Type.ANY and not _fits(of, expect):
        raise ExpressionError(f"This is {of}, and {expect} is needed", _start(root))
    return expression if root is expression.root else Expression(root, expression.source)


def _family(of: Type) -> Type:
    return _FAMILIES.get(of, of)


def _family_of(one: Type, other: Type) -> Type:
    """The type of what may be either."""
    return _family(one) if _family(one) is _family(other) else Type.ANY


def _fits(of: Type, *wanted: Type) -> bool:
    return of is Type.ANY or _family(of) in [_family(one) for one in wanted]


def _start(node: Node) -> int:
    while isinstance(node, (Binary, Conditional)):
        node = node.left if isinstance(node, Binary) else node.test
    return node.position


class _Checker:
    def __init__(self, types: Mapping[str, Type], reach: Reach | None) -> None:
        self._types = types
        self._reach = reach
        self._variables: list[str] = []

    def check(self, node: Node) -> Checked:
        """The node, with literals converted, and its type."""
        return _CHECKS[type(node)](self, node)

    def literal(self, node: Literal) -> Checked:
        """A constant; a number without fraction is an integer."""
        if kind(node.value) == "number":
            return node, Type.INTEGER if isinstance(node.value, int) else Type.NUMBER
        return node, _OF_LITERALS.get(kind(node.value), Type.ANY)

    def fault(self, node: Fault) -> Checked:
        """What can only fail may stand anywhere."""
        return node, Type.ANY

    def name(self, node: Name) -> Checked:
        """A declared name or the variable of a comprehension."""
        if node.path[0] in self._variables:
            return node, Type.ANY
        for end in range(1, len(node.path)) if self._reach else ():
            owner = Name(node.path[:end], node.position)
            to = self._reach.relations.get(owner.dotted) if self._reach else None
            if to is not None:
                return self.fetch(Fetch(to, owner, node.path[end:], node.position))
        return node, resolve(node, self._types)

    def fetch(self, node: Fetch) -> Checked:
        """``record("teams", id).owner``, of the type that the field has there."""
        if self._reach is None:
            raise ExpressionError("Only rules read other records", node.position)
        id, of = self.check(node.id)
        self._want(id, of, Type.TEXT)
        made = Fetch(node.collection, id, node.path, node.position)
        try:
            there = self._reach.types(node.collection)
        except LookupError:
            message = f"There is no collection {node.collection[:63]}"
            raise ExpressionError(message, node.position) from None
        if not node.path or there is None:
            return made, Type.ANY if node.path else Type.MAP
        try:
            return made, resolve(Name(node.path, node.position), there)
        except ExpressionError as error:
            message = f"{error.message} in {node.collection}"
            raise ExpressionError(message, node.position, error.hint) from None

    def list_literal(self, node: ListLiteral) -> Checked:
        """``[a, b]``."""
        items = tuple(self.check(item)[0] for item in node.items)
        return ListLiteral(items, node.position), Type.LIST

    def unary(self, node: Unary) -> Checked:
        """``!`` of a bool, ``-`` of a number or duration."""
        operand, of = self.check(node.operand)
        wanted = (Type.BOOL,) if node.operator == "!" else (Type.NUMBER, Type.DURATION)
        self._want(operand, of, *wanted)
        return Unary(node.operator, operand, node.position), of

    def conditional(self, node: Conditional) -> Checked:
        """``test ? then : otherwise``, of the type that both outcomes share."""
        test = self._bool(node.test)
        then, one = self.check(node.then)
        otherwise, other = self.check(node.otherwise)
        of = one if one is other else Type.ANY
        if of is Type.ANY and _family(one) is _family(other):
            of = _family(one)
        return Conditional(test, then, otherwise, node.position), of

    def comprehension(self, node: Comprehension) -> Checked:
        """``list.exists(variable, bool)``."""
        source, of = self.check(node.source)
        self._want(source, of, Type.LIST)
        if node.variable in self._types or node.variable in self._variables:
            raise ExpressionError(
                f"{node.variable} is a name already", node.position, "choose another"
            )
        self._variables.append(node.variable)
        body = self._bool(node.body)
        self._variables.pop()
        made = Comprehension(node.quantifier, source, node.variable, body, node.position)
        return made, Type.BOOL

    def call(self, node: Call) -> Checked:
        """A function of arguments that it takes."""
        if node.function == "has":
            held = self.check(node.arguments[0])[0]
            return Call("has", (held,), node.position), Type.BOOL
        if node.function in ("optional", "orValue"):
            return self._optional(node)
        wanted, result = _SIGNATURES[node.function]
        arguments: list[Node] = []
        for position, argument in enumerate(node.arguments):
            made, of = self.check(argument)
            if node.function == "near":
                wanted = (Type.MAP,) if position == 0 else (Type.NUMBER,)
            if of is Type.LIST and node.function == "contains" and not arguments:
                raise ExpressionError(
                    "contains() searches text", node.position, "write item in list"
                )
            self._want(made, of, *wanted)
            arguments.append(made)
        return Call(node.function, tuple(arguments), node.position), result

    def _optional(self, node: Call) -> Checked:
        """``auth.?team`` and ``x.orValue(y)``, whose two outcomes are of one type."""
        value, of = self.check(node.arguments[0])
        if node.function == "optional":
            if isinstance(value, Fetch):
                message = "The field of a relation is not optional"
                raise ExpressionError(message, node.position, "ask has(team.owner)")
            return Call("optional", (value,), node.position), of
        other, kind_of = self.check(node.arguments[1])
        unknown = (Type.ANY, Type.NULL)
        if of not in unknown and kind_of not in unknown and _family(of) is not _family(kind_of):
            message = f"This is {kind_of}, and {of} is needed"
            raise ExpressionError(message, _start(other))
        made = Call("orValue", (value, other), node.position)
        return made, of if of is kind_of else _family_of(of, kind_of)

    def binary(self, node: Binary) -> Checked:
        """Logic, comparison, membership or arithmetic."""
        if node.operator in ("&&", "||"):
            left, right = self._bool(node.left), self._bool(node.right)
            return Binary(node.operator, left, right, node.position), Type.BOOL
        left, one = self.check(node.left)
        right, other = self.check(node.right)
        if node.operator == "in":
            right = _member(node, left, one, right, other)
        elif node.operator in "+-*/%":
            return _arithmetic(node, (left, one), (right, other))
        else:
            left, right = _compared(node, (left, one), (right, other))
        return Binary(node.operator, left, right, node.position), Type.BOOL

    def _bool(self, node: Node) -> Node:
        made, of = self.check(node)
        self._want(made, of, Type.BOOL)
        return made

    def _want(self, node: Node, of: Type, *wanted: Type) -> None:
        if not _fits(of, *wanted):
            names = " or ".join(wanted)
            raise ExpressionError(f"This is {of}, and {names} is needed", _start(node))


def _compared(node: Binary, left: Checked, right: Checked) -> tuple[Node, Node]:
    """Both sides of a comparison, with text as the date or timestamp it stands for."""
    one, other = _as(left, right[1]), _as(right, left[1])
    families = {_family(one[1]), _family(other[1])}
    if node.operator in ("==", "!="):
        families.discard(Type.NULL)
    elif unordered := [of for of in (one[1], other[1]) if not _fits(of, *_ORDERED)]:
        raise ExpressionError(f"{unordered[0]} has no order", node.position)
    families.discard(Type.ANY)
    if len(families) > 1:
        raise ExpressionError(f"{one[1]} and {other[1]} do not compare", node.position)
    return one[0], other[0]


def _as(side: Checked, of: Type) -> Checked:
    """Quoted text as what it is compared with."""
    node, own = side
    if not isinstance(node, Literal) or not isinstance(node.value, str):
        return side
    if of is Type.TIMESTAMP:
        try:
            return Literal(timestamp(node.value), node.position), Type.TIMESTAMP
        except EvaluationError as error:
            raise ExpressionError(error.message, node.position) from None
    if of is Type.DATE:
        try:
            valid = bool(DATE.fullmatch(node.value) and date.fromisoformat(node.value))
        except ValueError:
            valid = False
        if not valid:
            raise ExpressionError("Not a date, such as 2026-01-31", node.position)
    return node, own


def _member(node: Binary, left: Node, one: Type, right: Node, other: Type) -> Node:
    """The right side of ``in``, its literal items as what they are compared with."""
    if other is Type.MAP and _fits(one, Type.TEXT):
        return right
    if not _fits(other, Type.LIST):
        hint = "write text.contains(part)" if _fits(other, Type.TEXT) else ""
        raise ExpressionError(f"{one} in {other} has no meaning", node.position, hint)
    if not isinstance(right, ListLiteral):
        return right
    equals = Binary("==", left, right, node.position)
    items = []
    for item in right.items:
        of = Type.ANY
        if isinstance(item, Literal):
            of = _Checker({}, None).literal(item)[1]
        items.append(_compared(equals, (left, one), (item, of))[1])
    return ListLiteral(tuple(items), right.position)


def _arithmetic(node: Binary, left: Checked, right: Checked) -> Checked:
    of = _result(node.operator, left[1], right[1])
    if of is None:
        raise ExpressionError(f"{left[1]} {node.operator} {right[1]} has no meaning", node.position)
    sides = [left[0], right[0]]
    if node.operator == "/" and of is Type.NUMBER:
        # A number field may hold 5 as well as 5.5: the quotient must not depend on which.
        sides = [_fractional(side) for side in (left, right)]
    return Binary(node.operator, sides[0], sides[1], node.position), of


def _fractional(side: Checked) -> Node:
    node, of = side
    if of is not Type.NUMBER or isinstance(node, Literal):
        return node
    already = isinstance(node, Call) and node.function == "double"
    return node if already else Call("double", (node,), node.position)


def _result(operator: str, left: Type, right: Type) -> Type | None:
    """The type of a sum, product, …; None where it has none."""
    one, other = _family(left), _family(right)
    if Type.ANY in (one, other):
        known = other if one is Type.ANY else one
        refused = (Type.NULL, Type.BOOL, Type.MAP)
        return None if known in refused else Type.ANY
    if one is other is _NUMBER:
        if operator == "%":
            return Type.INTEGER if left is right is Type.INTEGER else None
        return Type.INTEGER if left is right is Type.INTEGER else Type.NUMBER
    return _SUMS.get((operator, one, other))


_SIGNATURES: dict[str, tuple[tuple[Type, ...], Type]] = {
    "startsWith": ((Type.TEXT,), Type.BOOL),
    "endsWith": ((Type.TEXT,), Type.BOOL),
    "contains": ((Type.TEXT,), Type.BOOL),
    "matches": ((Type.TEXT,), Type.BOOL),
    "size": (_SIZED, Type.INTEGER),
    "timestamp": ((Type.TEXT, Type.TIMESTAMP), Type.TIMESTAMP),
    "duration": ((Type.TEXT, Type.DURATION), Type.DURATION),
    "double": ((Type.NUMBER,), Type.NUMBER),
    "near": ((), Type.BOOL),  # a place and three numbers
}
_CHECKS: dict[type, Callable[[_Checker, Any], Checked]] = {
    Literal: _Checker.literal,
    Fault: _Checker.fault,
    Name: _Checker.name,
    ListLiteral: _Checker.list_literal,
    Unary: _Checker.unary,
    Conditional: _Checker.conditional,
    Comprehension: _Checker.comprehension,
    Call: _Checker.call,
    Fetch: _Checker.fetch,
    Binary: _Checker.binary,
}
