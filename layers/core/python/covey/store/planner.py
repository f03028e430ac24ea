"""Chooses how to read a list, says why, and names the index that would serve it better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from covey.collections.builds import unready_index, unready_unique
from covey.collections.model import Collection, Index, IndexPart, State
from covey.errors import BadRequest, IndexRequired
from covey.expressions import ExpressionError, names, parse
from covey.records import ids
from covey.records.ports import Query, SortKey
from covey.store import encoding, keys
from covey.store.constraints import Demand, Demands, demands_of, sortable
from covey.store.layout import CREATION
from covey.store.plan import Plan

UNREADY = {
    State.BUILDING: "it is being built",
    State.FAILED: "its build failed",
}
NEWEST_FIRST = (SortKey("created", descending=True),)
RECORD_BYTES = 1024  # what an estimate takes a record to weigh
READ_UNIT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan, and what was thought of on the way to it."""

    plan: Plan
    demands: Demands
    rejected: tuple[tuple[str, str], ...]  # (source, why)

    @property
    def whole(self) -> bool:
        """Whether the plan's bounds say all that the filter says."""
        return all(name is not None and self._holds(name) for _, name in self.demands.parts)

    def _holds(self, name: str) -> bool:
        demand = self.demands.fields[name]
        if name in self.plan.equal:
            return len(demand.equals) == 1 and not demand.ranges
        if name != self.plan.ranged:
            return False
        return not demand.equals or self.plan.index is None  # creation order takes both


def plan_of(collection: Collection, query: Query) -> Planned:
    """The best plan; IndexRequired when no index gives the order that is asked for."""
    sort = query.sort or NEWEST_FIRST
    for key in sort:
        if not sortable(collection, key.field) or _unordered_id(collection, key):
            raise BadRequest(f"{key.field} cannot be sorted by.", code="invalid_sort")
    demands = demands_of(query.where, collection)
    candidates: list[Plan] = []
    rejected: list[tuple[str, str]] = []
    for source in _sources(collection):
        plan = _candidate(collection, source, demands, sort)
        if isinstance(plan, Plan):
            candidates.append(plan)
        else:
            rejected.append((_source_name(source), plan))
    for plan in _points(collection, demands):
        unready = unready_unique(collection, plan.point)
        if unready is None or plan.point == ("id",):
            candidates.append(plan)
        else:
            rejected.append((plan.source, UNREADY[unready]))
    if not candidates:
        raise IndexRequired(
            f"No index of {collection.name} sorts by {', '.join(map(str, sort))}. "
            + suggestion(collection, query, demands)
        )
    best = max(candidates, key=_worth)
    rejected += [(plan.source, "another reads less") for plan in candidates if plan is not best]
    return Planned(best, demands, tuple(rejected))


def tally_plan(collection: Collection, query: Query) -> Planned:
    """The plan that reads least, in whatever order."""
    demands = demands_of(query.where, collection)
    sorts = [NEWEST_FIRST]
    sorts += [(SortKey(i.ordered[0].field, i.ordered[0].descending),) for i in collection.indexes]
    plans: list[Plan] = []
    for sort in sorts:
        with suppress(IndexRequired):  # that index has no entries for this filter, or not yet
            plans.append(plan_of(collection, replace(query, sort=sort)).plan)
    return Planned(max(plans, key=_worth), demands, ())


def index_required(collection: Collection, query: Query, planned: Planned) -> IndexRequired:
    """The refusal of a list that examined its budget without filling a page."""
    return IndexRequired(
        f"No index bounds this filter, and {query.budget} records were read in vain. "
        + suggestion(collection, query, planned.demands)
    )


def suggestion(collection: Collection, query: Query, demands: Demands) -> str:
    """The YAML line that would serve the query; empty when no index can.

    It names only fields that the caller named: the read rule may rest on others.
    """
    named = _named(query)
    sort = query.sort or NEWEST_FIRST
    equal = [name for name in demands.fields if name in named and demands.equal(name)]
    equal = [name for name in equal if name not in ("id", "created")]
    parts = [IndexPart(name) for name in equal]
    ordered = [IndexPart(key.field, key.descending) for key in sort if key.field not in equal]
    ranged = [n for n, d in demands.fields.items() if d.ranges and n in named and n not in equal]
    advice = ""
    if ranged and ranged[0] != sort[0].field:
        ordered = [IndexPart(ranged[0])]
        advice = f", and sort by {ranged[0]}"
    ordered = [part for part in ordered if part.field != "id"]
    if not equal and not ranged and not query.sort:
        return "Filter by a field with ==, <, >, or startsWith, so that an index can serve it."
    wanted = Index(tuple(parts + ordered), number=0, slot=0)
    for index in collection.indexes:
        if index.parts == wanted.parts:
            unready = unready_index(collection, index)
            return f"Index {index.name}: {UNREADY[unready]}." if unready else "Narrow the filter."
    return f"Add under indexes in {collection.name}.yaml:\n  - {wanted.name}{advice}"


def explained(collection: Collection, query: Query) -> dict[str, Any]:
    """The plan for people and tools; a query that has none says what is missing."""
    try:
        planned = plan_of(collection, query)
    except IndexRequired as error:
        return {"source": None, "suggestion": error.detail}
    plan, demands = planned.plan, planned.demands
    served = {*plan.equal, plan.ranged, *plan.point}
    shards = 1 if plan.point else len(keys.shards(collection))
    estimate = 0.0 if plan.empty else _units(min(query.limit + 1, query.budget), plan)
    return {
        "source": plan.source,
        "order": "backward" if plan.reverse else "forward",
        "equality": list(plan.equal or plan.point),
        "range": plan.ranged,
        "shards": shards,
        "covering": plan.covering,
        "bounded": plan.bounded,
        "residual": [text for text, name in demands.parts if name not in served],
        "estimated_read_units": 1.5 if plan.point else estimate,
        "maximal_read_units": 1.5 if plan.point else _units(query.budget, plan),
        "rejected": [{"source": source, "reason": why} for source, why in planned.rejected],
        "suggestion": None
        if plan.bounded or query.where is None
        else suggestion(collection, query, demands),
    }


def _sources(collection: Collection) -> Iterator[Index | None]:
    yield None if collection.ids == "auto" else CREATION
    yield from collection.indexes


def _source_name(source: Index | None) -> str:
    if source is None or source == CREATION:
        return "creation order"
    return f"index {source.name}"


def _unordered_id(collection: Collection, key: SortKey) -> bool:
    return key.field == "id" and collection.ids != "auto"


def _candidate(
    collection: Collection, source: Index | None, demands: Demands, sort: Sequence[SortKey]
) -> Plan | str:
    """The plan that reads from a source, or why it cannot."""
    unready = None if source is None else unready_index(collection, source)
    if unready is not None:
        return UNREADY[unready]
    hashed = () if source is None else source.hashed
    for part in hashed:
        if not demands.equal(part.field):
            return f"{part.field} is not held to one value"
    parts = () if source is None else source.ordered
    reverse = _direction(collection, parts, demands, sort)
    if reverse is None:
        return "its order is another"
    if source is None:
        return _base_plan(collection, demands, reverse)
    return _index_plan(collection, source, demands, reverse)


def _direction(
    collection: Collection, parts: Sequence[IndexPart], demands: Demands, sort: Sequence[SortKey]
) -> bool | None:
    """Whether the order of the parts gives the sort backward (True), forward, or not (None)."""
    last = parts[-1].descending if parts else False
    order = [*parts]
    if collection.ids == "auto":  # the id at the end of every position is the creation order
        order += [IndexPart("created", last), IndexPart("id", last)]
    wanted = [key for key in sort if not demands.equal(key.field)]
    reverse: bool | None = None
    at = 0
    for key in wanted:
        while at < len(order) and order[at].field != key.field and demands.equal(order[at].field):
            at += 1
        if at == len(order) or order[at].field != key.field:
            return None
        turned = order[at].descending != key.descending
        if reverse is not None and turned != reverse:
            return None
        reverse = turned
        at += 1
    return last != sort[-1].descending if reverse is None else reverse


def _base_plan(collection: Collection, demands: Demands, reverse: bool) -> Plan:
    low, high = 0, (1 << 100) - 1
    demand = demands.fields.get("created", Demand())
    ranges = [*demand.ranges, *((operator, v) for v in demand.equals for operator in (">=", "<="))]
    ranges = [(operator, ms) for operator, ms in ranges if isinstance(ms, int)]
    for operator, ms in ranges:
        start, end = ms << ids.RANDOM_BITS, ((ms + 1) << ids.RANDOM_BITS) - 1
        low = max(low, {">=": start, ">": end + 1}.get(operator, low))
        high = min(high, {"<=": end, "<": start - 1}.get(operator, high))
    nothing = demands.impossible or low > high
    return Plan(
        collection,
        None,
        reverse=reverse,
        low=b"\x00" if nothing else low.to_bytes(ids.BYTES, "big"),
        high=b"\xff" if nothing else high.to_bytes(ids.BYTES, "big"),
        ranged="created" if ranges else None,
        nothing=nothing,
    )


def _index_plan(collection: Collection, index: Index, demands: Demands, reverse: bool) -> Plan:
    fields = demands.fields
    equality = b"".join(encoding.encode(fields[part.field].equals[0]) for part in index.hashed)
    equal = [part.field for part in index.hashed]
    prefix, low, high, ranged = b"", b"\x00", b"\xff", None
    for part in index.ordered:
        demand = fields.get(part.field)
        if demand is not None and demand.equals:
            prefix += encoding.encode(demand.equals[0], part.descending)
            equal.append(part.field)
            continue
        if demand is not None and demand.ranges:
            low, high = demand.bounds(part.descending)
            ranged = part.field
        break
    if prefix:
        # A bound of one part alone would not know of the parts before it.
        low = prefix + (low if ranged else b"")
        high = prefix + high if ranged else encoding.after(prefix)
    return Plan(
        collection,
        index,
        reverse=reverse,
        equality=equality,
        low=low,
        high=high,
        equal=tuple(equal),
        ranged=ranged,
        nothing=demands.impossible or low > high,
    )


def _points(collection: Collection, demands: Demands) -> Iterator[Plan]:
    """Plans that read one record, whatever the sort."""
    if demands.equal("id"):
        yield Plan(collection, None, point=("id",), nothing=demands.impossible)
    for fields in collection.unique:
        if all(demands.equal(name) and _one(demands.fields, name) for name in fields):
            yield Plan(collection, None, point=fields, nothing=demands.impossible)


def _one(fields: Mapping[str, Demand], name: str) -> bool:
    return fields[name].equals[0] is not None  # null is never claimed


def _worth(plan: Plan) -> tuple[int, ...]:
    """What makes a plan better, the weightiest first."""
    return (
        plan.point == ("id",),
        bool(plan.point),
        len(plan.equal),
        plan.ranged is not None,
        plan.covering,
        plan.index is None,
        -(0 if plan.index is None else len(plan.index.parts)),
    )


def _units(records: int, plan: Plan) -> float:
    """Read units of so many records of 1 KB, eventually consistent."""
    if plan.covering:
        return ceil(records * RECORD_BYTES / READ_UNIT_BYTES) / 2
    return ceil(records * 100 / READ_UNIT_BYTES) / 2 + records / 2


def _named(query: Query) -> frozenset[str]:
    """The fields that the caller named; all of the filter's when its own text is not known."""
    if not query.filter_text:
        return names(query.where) if query.where is not None else frozenset()
    try:
        return names(parse(query.filter_text))
    except ExpressionError:
        return frozenset()
