"""What a filter demands of single fields: the part of it that an index can serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from covey.collections.model import Collection
from covey.expressions import Expression, Timestamp, conjuncts, nodes
from covey.fields import REGISTRY
from covey.records.time import rfc3339
from covey.store import encoding

_FLIPPED = {"==": "==", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SYSTEM = ("created", "updated", "id")


@dataclass(slots=True)
class Demand:
    """What the filter asks of one field; every value is as it is stored."""

    equals: list[Any] = field(default_factory=list)
    ranges: list[tuple[str, Any]] = field(default_factory=list)  # operator or "startsWith"

    @property
    def contradictory(self) -> bool:
        """Whether it is held to two values at once."""
        if len(self.equals) < 2:
            return False
        return len({encoding.encode(value) for value in self.equals}) > 1

    def bounds(self, descending: bool) -> tuple[bytes, bytes]:
        """The encodings that the ranges leave, from and to, for a part of an index."""
        low, high = b"\x00", b"\xff"
        for operator, value in self.ranges:
            start, end = _interval(operator, value, descending)
            low, high = max(low, start), min(high, end)
        return low, high


@dataclass(frozen=True, slots=True)
class Demands:
    """A filter taken apart: by field, and whether it can hold at all.

    `parts` are all conjuncts with the field that each bounds, or None.
    """

    fields: Mapping[str, Demand]
    parts: tuple[tuple[Expression, str | None], ...]
    impossible: bool = False

    def equal(self, name: str) -> bool:
        """Whether the field is held to one value."""
        demand = self.fields.get(name)
        return demand is not None and bool(demand.equals)


def demands_of(where: Expression | None, collection: Collection) -> Demands:
    """Take a bound filter apart. What is not understood is left to the evaluator."""
    if where is None:
        return Demands({}, ())
    fields: dict[str, Demand] = {}
    parts: list[tuple[Expression, str | None]] = []
    impossible = False
    for conjunct in conjuncts(where):
        root = conjunct.root
        impossible = impossible or root == nodes.Literal(False) or _empty(root)
        name = _read(root, collection, fields)
        parts.append((conjunct, name))
    impossible = impossible or any(demand.contradictory for demand in fields.values())
    return Demands(fields, tuple(parts), impossible)


def membership(root: nodes.Node) -> tuple[nodes.Name, Sequence[nodes.Literal]] | None:
    """The field and the constants, without repetitions, of ``field in [a, b]``."""
    match root:
        case nodes.Binary(operator="in", left=nodes.Name(path=(_,)) as name, right=right):
            values = _constants(right)
            return None if values is None else (name, list(dict.fromkeys(values)))
        case _:
            return None


def sortable(collection: Collection, name: str) -> bool:
    """Whether an index may order by a field."""
    declared = collection.fields.get(name)
    if declared is None:
        return name in _SYSTEM
    return not declared.list and REGISTRY[declared.type].scalar


def _read(root: nodes.Node, collection: Collection, fields: dict[str, Demand]) -> str | None:
    """Note what one conjunct demands; the field's name, or None when it is not of that kind."""
    found = _simple(root)
    if found is None:
        return None
    name, operator, literal = found
    if not sortable(collection, name):
        return None
    try:
        value = _stored(collection, name, literal)
        encoding.encode(value)
    except (ValueError, TypeError):  # cannot be a key: whether it holds is the evaluator's
        return None
    demand = fields.setdefault(name, Demand())
    if operator == "==":
        demand.equals.append(value)
    elif value is None or isinstance(value, bool):
        return None
    else:
        demand.ranges.append((operator, value))
    return name


def _simple(root: nodes.Node) -> tuple[str, str, Any] | None:
    """(field, operator, constant) of a comparison, a bare or negated bool, or startsWith."""
    match root:
        case nodes.Name(path=(name,)):
            return name, "==", True
        case nodes.Unary(operator="!", operand=nodes.Name(path=(name,))):
            return name, "==", False
        case nodes.Binary(operator="in"):
            found = membership(root)
            if found is None or len(found[1]) != 1:
                return None
            return found[0].path[0], "==", found[1][0].value
        case nodes.Binary(left=nodes.Name(path=(name,)), right=nodes.Literal(value=value)):
            return (name, root.operator, value) if root.operator in _FLIPPED else None
        case nodes.Binary(left=nodes.Literal(value=value), right=nodes.Name(path=(name,))):
            flipped = _FLIPPED.get(root.operator)
            return None if flipped is None else (name, flipped, value)
        case nodes.Call(
            function="startsWith",
            arguments=(nodes.Name(path=(name,)), nodes.Literal(value=str() as value)),
        ):
            return name, "startsWith", value
        case _:
            return None


def _constants(right: nodes.Node) -> list[nodes.Literal] | None:
    if isinstance(right, nodes.Literal) and isinstance(right.value, list | tuple):
        return [nodes.Literal(item) for item in right.value]
    if not isinstance(right, nodes.ListLiteral):
        return None
    found = [item for item in right.items if isinstance(item, nodes.Literal)]
    return found if len(found) == len(right.items) else None


def _empty(root: nodes.Node) -> bool:
    """Whether it asks for one of no values."""
    found = membership(root)
    return found is not None and not found[1]


def _stored(collection: Collection, name: str, value: Any) -> Any:
    """A constant as a record stores it; TypeError when the two cannot be compared."""
    declared = collection.fields.get(name)
    instant = name in ("created", "updated") if declared is None else declared.type == "datetime"
    if value is None:
        return None
    if isinstance(value, Timestamp) != instant:
        raise TypeError("an instant compares with instants alone")
    if instant:
        return int(value) if declared is None else rfc3339(int(value))
    if type(value) not in (bool, int, Decimal, str):
        raise TypeError("no constant of an index")
    return value


def _interval(operator: str, value: Any, descending: bool) -> tuple[bytes, bytes]:
    """The encodings for which a comparison holds; both ends may be named, neither is an entry."""
    if operator == "startsWith":
        prefix = encoding.starts(value, descending)
        return prefix, encoding.after(prefix)
    raw = encoding.encode(value, descending)
    low, high = encoding.kind_bounds(value, descending)
    upwards = operator.startswith(">") != descending
    closed = operator.endswith("=")
    if upwards:
        return (raw if closed else encoding.after(raw)), high
    return low, (encoding.after(raw) if closed else raw)
