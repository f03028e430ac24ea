"""Whether a declared aggregate answers what a caller asks, and may be shown to them.

What must hold of a record, the read rule and the filter together, is taken apart at its &&. The
declared filter's parts must all be among it. What is left may speak of nothing but the fields of
the group: then it holds for all records of a group or for none, so that every group is wholly
visible or wholly hidden, and nothing of hidden records is in what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from covey.aggregates.request import Asked
from covey.aggregates.shares import Scalar
from covey.collections.builds import unready_aggregate
from covey.collections.model import Aggregate, Collection
from covey.expressions import Expression, bind, conjoin, conjuncts, names, nodes


@dataclass(frozen=True, slots=True)
class Fit:
    """A declared aggregate that answers; `left` is what must hold of a group's values.

    `first` are values of the group's first fields that it cannot differ from.
    """

    name: str
    aggregate: Aggregate
    left: Expression | None
    first: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Misfit:
    """A declared aggregate that does not, and why."""

    name: str
    reason: str


def fit(collection: Collection, name: str, asked: Asked, where: Expression | None) -> Fit | Misfit:
    """Whether an aggregate answers; `where` is all that must hold, with what is known bound."""
    aggregate = collection.aggregates[name]
    state = unready_aggregate(collection, aggregate)
    if state is not None:
        return Misfit(name, f"it is {state}")
    for words, wanted, kept in (
        ("is not grouped by", asked.group, aggregate.group),
        ("does not sum", asked.numbers, aggregate.numbers),
        ("does not keep the order of", asked.extremes, aggregate.extremes),
    ):
        missing = [field for field in wanted if field not in kept]
        if missing:
            return Misfit(name, f"it {words} {', '.join(missing)}")
    parts = [] if where is None else conjuncts(where)
    own = [] if aggregate.filter is None else conjuncts(bind(aggregate.filter, {}))
    if not all(part in parts for part in own):
        return Misfit(name, "it counts only what its filter takes")
    fixed = _fixed(parts)
    left = [_known(part, fixed) for part in parts if part not in own]
    beyond = {one for part in left for one in names(part)} - set(aggregate.group)
    if beyond:
        return Misfit(name, f"what must hold depends on {', '.join(sorted(beyond))}")
    first: list[Scalar] = []
    for field in aggregate.group:
        if field not in fixed or not _can_be_kept(fixed[field]):
            break
        first.append(fixed[field])
    return Fit(name, aggregate, conjoin(left), tuple(first))


def _can_be_kept(value: Any) -> bool:
    """Whether a constant is one that a field can have, as it is stored: instants are text there."""
    if type(value) in (int, Decimal):
        number = Decimal(value)
        return number.is_finite() and (not number or -130 <= number.adjusted() <= 125)
    return value is None or type(value) in (bool, str)


def best(fits: Sequence[Fit]) -> Fit:
    """The one with the least to read: the most values known, then the coarsest groups."""
    return min(fits, key=lambda one: (-len(one.first), len(one.aggregate.group)))


def _fixed(parts: Sequence[Expression]) -> dict[str, Any]:
    """The fields that ``field == constant`` holds to one value."""
    fixed: dict[str, Any] = {}
    for part in parts:
        match part.root:
            case nodes.Binary(operator="==", left=nodes.Name(path=(name,)), right=nodes.Literal(v)):
                fixed.setdefault(name, v)
            case nodes.Binary(operator="==", left=nodes.Literal(v), right=nodes.Name(path=(name,))):
                fixed.setdefault(name, v)
    return fixed


def _known(part: Expression, fixed: Mapping[str, Any]) -> Expression:
    """A part with these fields put in, unless it is what holds one of them to its value."""
    match part.root:
        case nodes.Binary(operator="==", left=nodes.Name(path=(_,)), right=nodes.Literal()):
            return part
        case nodes.Binary(operator="==", left=nodes.Literal(), right=nodes.Name(path=(_,))):
            return part
    simpler = conjoin(conjuncts(bind(part, fixed)))
    return Expression(nodes.Literal(True)) if simpler is None else simpler
