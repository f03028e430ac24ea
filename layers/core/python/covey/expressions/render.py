"""Nodes back to text, with the fewest parentheses that read back as the same tree."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from covey.expressions.nodes import (
    RELATION,
    STRENGTHS,
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
from covey.expressions.values import Duration, Timestamp

_UNARY, _ATOM = 6, 7
_METHODS = frozenset(("startsWith", "endsWith", "contains", "matches", "orValue"))
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def render(node: Node) -> str:
    """The text of a node. What `parse` makes of it is an equal tree.

    Except for what only `bind` makes: maps are shown as ``{"a": 1}``, faults as ``error("…")``,
    and neither can be parsed.
    """
    return _render(node)[0]


def _render(node: Node) -> tuple[str, int]:
    """The text and how strongly it holds together, from 0 (``?:``) to 7 (one word)."""
    match node:
        case Literal():
            text = literal(node.value)
            return text, _UNARY if text.startswith("-") else _ATOM
        case Name():
            return node.dotted, _ATOM
        case Binary():
            return _binary(node)
        case Unary():
            return _unary(node), _UNARY
        case Conditional():
            test = _within(node.test, 1)
            return f"{test} ? {render(node.then)} : {render(node.otherwise)}", 0
        case ListLiteral():
            return f"[{', '.join(map(render, node.items))}]", _ATOM
        case Fault():
            return f"error({literal(node.message)})", _ATOM
        case Fetch():
            fetched = f"record({literal(node.collection)}, {render(node.id)})"
            return ".".join((fetched, *node.path)), _ATOM
        case Call() | Comprehension():
            return _call(node), _ATOM


def _within(node: Node, least: int) -> str:
    text, strength = _render(node)
    return text if strength >= least else f"({text})"


def _binary(node: Binary) -> tuple[str, int]:
    strength = STRENGTHS[node.operator]
    left = _within(node.left, strength + (strength == RELATION))
    right = _within(node.right, strength + 1)
    return f"{left} {node.operator} {right}", strength


def _unary(node: Unary) -> str:
    operand = _within(node.operand, _UNARY)
    if node.operator == "-" and operand[0].isdigit():  # -5 would read as one number
        operand = f"({operand})"
    return node.operator + operand


def _call(node: Call | Comprehension) -> str:
    if isinstance(node, Comprehension):
        source = _within(node.source, _ATOM)
        return f"{source}.{node.quantifier}({node.variable}, {render(node.body)})"
    if node.function == "optional":
        owner, _, member = render(node.arguments[0]).rpartition(".")
        return f"{owner}.?{member}"
    if node.function in _METHODS:
        receiver, *rest = node.arguments
        return f"{_within(receiver, _ATOM)}.{node.function}({', '.join(map(render, rest))})"
    return f"{node.function}({', '.join(map(render, node.arguments))})"


def literal(value: Any) -> str:
    """A value as it is written."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(_escape(character) for character in value) + '"'
    if isinstance(value, (Timestamp, Duration)):
        return f'{type(value).__name__.lower()}("{value}")'
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    return str(value)


def _decimal(value: Decimal) -> str:
    """A decimal keeps its point or exponent, so that it does not read as an integer."""
    text = str(value)
    return text if not text.lstrip("-").isdigit() else text + "e0"


def _escape(character: str) -> str:
    known = _ESCAPES.get(character)
    if known is not None:
        return known
    code = ord(character)
    if code < 0x20 or code == 0x7F or 0xD800 <= code <= 0xDFFF:
        return f"\\u{code:04x}"
    return character
