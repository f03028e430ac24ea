"""The lines of YAML that would serve a list."""

from __future__ import annotations

from covey.collections.builds import unready_index
from covey.collections.model import Collection, Index, IndexPart
from covey.expressions import ExpressionError, names, parse
from covey.records.ports import Query, SortKey
from covey.store.alternatives import ways
from covey.store.candidates import UNREADY
from covey.store.constraints import Demands, demands_of

_NOTHING = "Filter by a field with ==, <, >, or startsWith, so that an index can serve it."
_DONE = "Narrow the filter."


def suggestion(collection: Collection, query: Query) -> str:
    """What to add or to change so that an index serves the query.

    A filter of alternatives wants an index for each of them. Names only fields that the caller
    named: the read rule may rest on others.
    """
    named = _named(query)
    whole = demands_of(query.where, collection)
    if _bounding(whole, named) or not query.where:
        return _told(collection, query, [whole], named)
    for wheres in ways(query.where):
        branches = [demands_of(where, collection) for where in wheres]
        if all(_bounding(demands, named) for demands in branches):
            return _told(collection, query, branches, named)
    return _told(collection, query, [whole], named)


def _bounding(demands: Demands, named: frozenset[str]) -> bool:
    """Whether an index could bound it by what the caller named."""
    return any(name in named and (d.equals or d.ranges) for name, d in demands.fields.items())


def _told(
    collection: Collection, query: Query, branches: list[Demands], named: frozenset[str]
) -> str:
    lines: dict[str, None] = {}
    notes: dict[str, None] = {}
    for demands in branches:
        wanted, advice = _wanted(query, demands, named)
        if wanted is None:
            return _NOTHING
        there = next((one for one in collection.indexes if one.parts == wanted.parts), None)
        if there is None:
            lines[f"\n  - {wanted.name}{advice}"] = None
        elif unready := unready_index(collection, there):
            notes[f"Index {there.name}: {UNREADY[unready]}."] = None
    if lines:
        notes[f"Add under indexes in {collection.name}.yaml:{''.join(lines)}"] = None
    return " ".join(notes) or _DONE


def _wanted(query: Query, demands: Demands, named: frozenset[str]) -> tuple[Index | None, str]:
    """The index that would bound these demands in this order, and what to do besides."""
    sort = query.sort or (SortKey("created", descending=True),)
    equal = [name for name in demands.fields if name in named and demands.equal(name)]
    equal = [name for name in equal if name not in ("id", "created")]
    ordered = [IndexPart(key.field, key.descending) for key in sort if key.field not in equal]
    ranged = [n for n, d in demands.fields.items() if d.ranges and n in named and n not in equal]
    advice = ""
    if ranged and ranged[0] != sort[0].field:
        ordered = [IndexPart(ranged[0])]
        advice = f", and sort by {ranged[0]}"
    ordered = [part for part in ordered if part.field != "id"]
    if not equal and not ranged and not query.sort:
        return None, ""
    parts = (*(IndexPart(name) for name in equal), *ordered)
    return (Index(parts, number=0, slot=0) if parts else None), advice


def _named(query: Query) -> frozenset[str]:
    """The fields that the caller named; all of the filter's when its own text is not known."""
    if not query.filter_text:
        return names(query.where) if query.where is not None else frozenset()
    try:
        return names(parse(query.filter_text))
    except ExpressionError:
        return frozenset()
