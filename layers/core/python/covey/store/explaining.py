"""A list's plan told to people and tools."""

from __future__ import annotations

from math import ceil
from typing import Any

from covey.collections.model import Collection
from covey.errors import IndexRequired
from covey.records.ports import Query
from covey.store import keys
from covey.store.advice import suggestion
from covey.store.plan import Plan
from covey.store.planner import Branch, Planned, plan_of

RECORD_BYTES = 1024  # what an estimate takes a record to weigh
READ_UNIT_BYTES = 4096


def explained(collection: Collection, query: Query) -> dict[str, Any]:
    """How a list is read; of one that cannot be served, what is missing."""
    try:
        planned = plan_of(collection, query)
    except IndexRequired as error:
        return {"source": None, "suggestion": error.detail}
    merged = len(planned.branches) > 1
    told = _merge(planned) if merged else _branch(planned.branches[0], divided=planned.divided)
    estimated, maximal = _costs(planned, query)
    told |= {
        "shards": max(1 if plan.point else len(keys.shards(collection)) for plan in planned.plans),
        "estimated_read_units": estimated,
        "maximal_read_units": maximal,
        "rejected": [{"source": source, "reason": why} for source, why in planned.rejected],
        "suggestion": None
        if planned.bounded or query.where is None
        else suggestion(collection, query),
    }
    if merged:
        told["branches"] = [
            {"filter": "" if one.where is None else one.where.text, **_branch(one)}
            for one in planned.branches
        ]
    return told


def _branch(branch: Branch, *, divided: bool = False) -> dict[str, Any]:
    plan = branch.plan
    return {
        "source": plan.source,
        "order": "backward" if plan.reverse else "forward",
        "equality": list(plan.equal or plan.point),
        "range": plan.ranged,
        "covering": plan.covering,
        "bounded": plan.bounded,
        "residual": _residual(branch),
    }


def _merge(planned: Planned) -> dict[str, Any]:
    plans = planned.plans
    residual = [text for branch in planned.branches for text in _residual(branch)]
    ranged = [plan.ranged for plan in plans if plan.ranged]
    return {
        "source": f"merge of {len(plans)}",
        "order": "merged",
        "equality": list(dict.fromkeys(name for p in plans for name in p.equal or p.point)),
        "range": ranged[0] if ranged else None,
        "covering": all(plan.covering for plan in plans),
        "bounded": planned.bounded,
        "residual": list(dict.fromkeys(residual)),
    }


def _residual(branch: Branch) -> list[str]:
    """The conjuncts that the bounds do not say."""
    plan = branch.plan
    served = {*plan.equal, plan.ranged, *plan.point} - {None}
    return [part.text for part, name in branch.demands.parts if name not in served]


def _costs(planned: Planned, query: Query) -> tuple[float, float]:
    """What the first page costs where no record is left out, and the most that it may cost."""
    points = sum(1.5 for plan in planned.plans if plan.point)
    ranges = [plan for plan in planned.plans if not plan.point]
    if not ranges:
        return points, points
    share = min(query.limit + 1, query.budget)
    if len(ranges) > 1:  # each is begun, and together they fill the page
        share = min(share, 2 * share // len(ranges) + 2)
    estimated = sum(_units(share, plan) for plan in ranges if not plan.empty)
    return points + estimated, points + max(_units(query.budget, plan) for plan in ranges)


def _units(records: int, plan: Plan) -> float:
    """Read units of so many records of 1 KB, eventually consistent."""
    if plan.covering:
        return ceil(records * RECORD_BYTES / READ_UNIT_BYTES) / 2
    return ceil(records * 100 / READ_UNIT_BYTES) / 2 + records / 2
