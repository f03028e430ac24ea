"""The parts of an expression. Immutable; equal when they mean the same, wherever they stood."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

# How strongly the operators between two values bind.
STRENGTHS = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 3),
    **dict.fromkeys("+-", 4),
    **dict.fromkeys("*/%", 5),
}
RELATION = 3


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: None, bool, int, Decimal, str, Timestamp, Duration; after `bind` also list, dict.

    Equal only to a literal of the same type: ``1``, ``1.0`` and ``true`` differ.
    """

    value: Any
    position: int = field(default=0, compare=False)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Literal)
            and type(self.value) is type(other.value)
            and repr(self.value) == repr(other.value)
        )

    def __hash__(self) -> int:
        return hash((type(self.value), repr(self.value)))


@dataclass(frozen=True, slots=True)
class Name:
    """A value read from the scope: ``("author",)``, ``("auth", "id")``."""

    path: tuple[str, ...]
    position: int = field(default=0, compare=False)

    @property
    def dotted(self) -> str:
        """As written: ``auth.id``."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Unary:
    """`operator` is ``!`` or ``-``."""

    operator: str
    operand: Node
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """`operator` is one of ``|| && == != < <= > >= in + - * / %``."""

    operator: str
    left: Node
    right: Node
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Conditional:
    """``test ? then : otherwise``."""

    test: Node
    then: Node
    otherwise: Node
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments; of a method the receiver is the first argument.

    `function` is one of has, optional (``a.?b``), orValue, size, startsWith, endsWith, contains,
    matches, timestamp, duration, double, near.
    """

    function: str
    arguments: tuple[Node, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """``[a, b, c]``."""

    items: tuple[Node, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Comprehension:
    """``source.exists(variable, body)`` or ``source.all(variable, body)``, by `quantifier`."""

    quantifier: str
    source: Node
    variable: str
    body: Node
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Fetch:
    """Another record: ``record("teams", id)``, or of it what `path` names; null where none is.

    A relation path such as ``team.owner`` becomes one when it is checked.
    """

    collection: str
    id: Node
    path: tuple[str, ...] = ()
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """A part that `bind` found can only fail, such as ``auth.id`` of a guest. It never holds."""

    message: str
    position: int = field(default=0, compare=False)


Node = (
    Literal
    | Name
    | Unary
    | Binary
    | Conditional
    | Call
    | ListLiteral
    | Comprehension
    | Fetch
    | Fault
)


def children(node: Node) -> tuple[Node, ...]:
    """The parts that a node is made of, in the order they were written."""
    match node:
        case Unary():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case Conditional():
            return (node.test, node.then, node.otherwise)
        case Call():
            return node.arguments
        case ListLiteral():
            return node.items
        case Comprehension():
            return (node.source, node.body)
        case Fetch():
            return (node.id,)
        case _:
            return ()


def rewritten(node: Node, change: Callable[[Node], Node]) -> Node:
    """The tree with every node changed, the inner ones first."""
    match node:
        case Unary():
            node = replace(node, operand=rewritten(node.operand, change))
        case Binary():
            left, right = rewritten(node.left, change), rewritten(node.right, change)
            node = replace(node, left=left, right=right)
        case Conditional():
            test, then = rewritten(node.test, change), rewritten(node.then, change)
            node = replace(node, test=test, then=then, otherwise=rewritten(node.otherwise, change))
        case Call():
            node = replace(node, arguments=tuple(rewritten(a, change) for a in node.arguments))
        case ListLiteral():
            node = replace(node, items=tuple(rewritten(item, change) for item in node.items))
        case Comprehension():
            source, body = rewritten(node.source, change), rewritten(node.body, change)
            node = replace(node, source=source, body=body)
        case Fetch():
            node = replace(node, id=rewritten(node.id, change))
    return change(node)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything in it, outermost first, without recursion."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))


def operands(node: Node, connective: str) -> list[Node]:
    """The parts of a chain of one connective, in order, however it is nested."""
    parts: list[Node] = []
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Binary) and node.operator == connective:
            waiting += (node.right, node.left)
        else:
            parts.append(node)
    return parts
