"""Chooses how to read a list, and says why: by one plan, or by several that merge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from covey.collections.model import Collection
from covey.errors import BadRequest, IndexRequired
from covey.expressions import Expression
from covey.records.ports import Query, SortKey
from covey.store import keys
from covey.store.advice import suggestion
from covey.store.alternatives import divisible, too_many, ways
from covey.store.candidates import candidates
from covey.store.constraints import Demands, demands_of, sortable
from covey.store.order import Order
from covey.store.plan import Plan

NEWEST_FIRST = (SortKey("created", descending=True),)
MAX_STREAMS = 120  # queries that one list begins with: branches by shards
Worth = tuple[int, ...]
_KEPT = 256  # plans: a filter that is asked again is not planned again


@dataclass(frozen=True, slots=True)
class Branch:
    """One plan of a list, and what it was made for."""

    plan: Plan
    where: Expression | None
    demands: Demands

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


@dataclass(frozen=True, slots=True)
class Planned:
    """The plans of a list, and what was thought of on the way to them.

    What the filter takes is read by one of the branches at least, all of which give `order`.
    It is None where each branch reads one record: these are sorted when they are there.
    """

    collection: Collection
    branches: tuple[Branch, ...]
    order: Order | None
    rejected: tuple[tuple[str, str], ...] = ()  # (source, why)
    divided: bool = False  # into alternatives, of which a branch may serve several

    @property
    def plan(self) -> Plan:
        """The plan, where there is one; else the first."""
        return self.branches[0].plan

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Those of all branches."""
        return tuple(branch.plan for branch in self.branches)

    @property
    def bounded(self) -> bool:
        """Whether the filter decides what is read, rather than only what is kept."""
        return all(plan.bounded for plan in self.plans)

    @property
    def whole(self) -> bool:
        """Whether the one plan's bounds say all that the filter says."""
        return not self.divided and len(self.branches) == 1 and self.branches[0].whole

    @property
    def streams(self) -> int:
        """How many queries it begins with."""
        ranges = sum(not plan.point for plan in self.plans)
        return ranges * len(keys.shards(self.collection))

    @property
    def worth(self) -> Worth:
        """What makes it better than another, the weightiest first: that of its weakest branch."""
        weakest = min(_worth(plan) for plan in self.plans)
        return (*weakest[:_BOUNDS], -len(self.branches), *weakest[_BOUNDS:])


def plan_of(collection: Collection, query: Query, tag: bytes | None = None) -> Planned:
    """The best way to read a list, of those whose order a cursor calls `tag` if that is given.

    Raises IndexRequired when no index gives the order that is asked for, BadRequest for a sort
    by what has no order.
    """
    asked = (id(collection), query.where, query.sort, query.limit, tag)
    known = _plans.get(asked)
    if known is not None and known.collection is collection:
        return known
    planned = _best(collection, query, tag)
    if len(_plans) >= _KEPT:
        _plans.clear()
    _plans[asked] = planned
    return planned


_plans: dict[tuple[object, ...], Planned] = {}


def _best(collection: Collection, query: Query, tag: bytes | None) -> Planned:
    """As `plan_of`, from what a filter, a sort and a limit say."""
    sort = query.sort or NEWEST_FIRST
    for key in sort:
        if not sortable(collection, key.field) or _unordered_id(collection, key):
            raise BadRequest(f"{key.field} cannot be sorted by.", code="invalid_sort")
    demands = demands_of(query.where, collection)
    found, rejected = _single(collection, query, sort, demands)
    served = bool(found)
    merges, refused = _merges(collection, query, sort, demands)
    if merges is None:
        found = [_emptied(one) for one in found]
    found += merges or []
    if tag is not None:
        found = [one for one in found if one.order is not None and one.order.tag == tag]
    if not found:
        raise IndexRequired(
            f"No index of {collection.name} sorts by {', '.join(map(str, sort))}. "
            + suggestion(collection, query)
        )
    best = max(found, key=lambda one: one.worth)
    rejected += [
        (one.plan.source, "another reads less")
        for one in found
        if len(one.branches) == 1 and one is not best
    ]
    if len(best.branches) == 1 or not served:
        rejected += refused
    return replace(best, rejected=tuple(rejected))


def tally_plan(collection: Collection, query: Query) -> Planned:
    """The way that reads least, in whatever order."""
    sorts = [NEWEST_FIRST]
    sorts += [(SortKey(i.ordered[0].field, i.ordered[0].descending),) for i in collection.indexes]
    found: list[Planned] = []
    for sort in sorts:
        with suppress(IndexRequired):  # that index has no entries for this filter, or not yet
            found.append(plan_of(collection, replace(query, sort=sort)))
    return max(found, key=lambda one: one.worth)


def index_required(collection: Collection, query: Query) -> IndexRequired:
    """The refusal of a list that examined its budget without filling a page."""
    return IndexRequired(
        f"No index bounds this filter, and {query.budget} records were read in vain. "
        + suggestion(collection, query)
    )


Rejected = list[tuple[str, str]]


def _single(
    collection: Collection, query: Query, sort: Sequence[SortKey], demands: Demands
) -> tuple[list[Planned], Rejected]:
    """The plans that serve the filter as it is."""
    plans, rejected = candidates(collection, demands, sort)
    found = [
        Planned(collection, (Branch(plan, query.where, demands),), plan.order) for plan in plans
    ]
    return found, rejected


def _merges(
    collection: Collection, query: Query, sort: Sequence[SortKey], demands: Demands
) -> tuple[list[Planned] | None, Rejected]:
    """The merges that serve its alternatives, and why others do not; None when none can hold."""
    if not divisible(part for part, _ in demands.parts):
        return [], []
    found: list[Planned] = []
    rejected: dict[str, str] = {}
    for wheres in list(ways(query.where))[1:]:
        branches = [(where, demands_of(where, collection)) for where in wheres]
        branches = [one for one in branches if not one[1].impossible]
        if not branches:
            return None, []
        source = f"merge of {len(branches)}"
        merges = list(_merged(collection, branches, sort, query.limit))
        few = [one for one in merges if one.streams <= MAX_STREAMS]
        found += few
        if merges and not few:
            rejected[source] = "it begins with too many queries"
        elif not any(one.bounded for one in few):
            rejected[source] = "no index bounds each of them in this order"
    if too_many(query.where):
        rejected["merge"] = "there are too many alternatives"
    return found, list(rejected.items())


def _merged(
    collection: Collection,
    branches: Sequence[tuple[Expression, Demands]],
    sort: Sequence[SortKey],
    limit: int,
) -> Iterator[Planned]:
    """The best plans of all branches, for each order that every branch can give."""
    alone = len(branches) == 1
    plans = [
        [plan for plan in candidates(collection, demands, sort)[0] if plan.mergeable or alone]
        for _, demands in branches
    ]
    if not all(plans):
        return
    for order in _common(plans, limit):
        chosen: dict[tuple[object, ...], Branch] = {}
        for (where, demands), of in zip(branches, plans, strict=True):
            best = max((p for p in of if p.point or p.order == order), key=_worth, default=None)
            if best is None:
                break
            chosen.setdefault(best.reading, Branch(best, where, demands))
        else:
            yield Planned(collection, tuple(chosen.values()), order, divided=not alone)


def _common(plans: Sequence[Sequence[Plan]], limit: int) -> list[Order | None]:
    """The orders that each branch can give, a point any; None is the sort that was asked for.

    Points alone are sorted when they are read, if a page holds them all: the place of a cursor
    is short enough only where an index has it.
    """
    ranges = [[plan.order for plan in of if not plan.point] for of in plans]
    strict = [orders for orders, of in zip(ranges, plans, strict=True) if len(orders) == len(of)]
    if not strict:
        every = [order for orders in ranges for order in orders]
        return [*([None] if len(plans) <= limit else []), *dict.fromkeys(every)]
    return [order for order in dict.fromkeys(strict[0]) if all(order in of for of in strict[1:])]


def _emptied(planned: Planned) -> Planned:
    """The same, for a filter that cannot hold."""
    branch = planned.branches[0]
    plan = replace(branch.plan, nothing=True)
    return replace(planned, branches=(replace(branch, plan=plan),))


def _unordered_id(collection: Collection, key: SortKey) -> bool:
    return key.field == "id" and collection.ids != "auto"


_BOUNDS = 4  # of what `_worth` weighs, how much the bounds are


def _worth(plan: Plan) -> Worth:
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
