"""The plans that could serve one conjunction of demands, source by source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from covey.collections.builds import unready_index, unready_unique
from covey.collections.model import Collection, Index, IndexPart, State
from covey.records import ids
from covey.records.ports import SortKey
from covey.store import encoding
from covey.store.constraints import Demand, Demands
from covey.store.layout import CREATION
from covey.store.order import Order
from covey.store.plan import Plan

UNREADY = {
    State.BUILDING: "it is being built",
    State.FAILED: "its build failed",
}
Sort = Sequence[SortKey]


def candidates(
    collection: Collection, demands: Demands, sort: Sort
) -> tuple[list[Plan], list[tuple[str, str]]]:
    """Every plan that gives the sort, and of the other sources why they do not."""
    found: list[Plan] = []
    rejected: list[tuple[str, str]] = []
    for source in _sources(collection):
        plan = _candidate(collection, source, demands, sort)
        if isinstance(plan, Plan):
            found.append(plan)
        else:
            rejected.append((_source_name(source), plan))
    for plan in _points(collection, demands):
        unready = unready_unique(collection, plan.point)
        if unready is None or plan.point == ("id",):
            found.append(plan)
        else:
            rejected.append((plan.source, UNREADY[unready]))
    return found, rejected


def _sources(collection: Collection) -> Iterator[Index | None]:
    yield None if collection.ids == "auto" else CREATION
    yield from collection.indexes


def _source_name(source: Index | None) -> str:
    if source is None or source == CREATION:
        return "creation order"
    return f"index {source.name}"


def _candidate(
    collection: Collection, source: Index | None, demands: Demands, sort: Sort
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
        return _ordered(_base_plan(collection, demands, reverse), demands, sort)
    return _ordered(_index_plan(collection, source, demands, reverse), demands, sort)


def _direction(
    collection: Collection, parts: Sequence[IndexPart], demands: Demands, sort: Sort
) -> bool | None:
    """Whether the order of the parts gives the sort backward (True), forward, or not (None)."""
    last = parts[-1].descending if parts else False
    order = [*parts]
    if collection.ids == "auto":  # the id at the end of every position is the creation order
        order += [IndexPart("created", last), IndexPart("id", last)]
    wanted = [key for key in sort if not demands.equal(key.field)]
    reverse: bool | None = None
    at, settled = 0, {name for name in demands.fields if demands.equal(name)}
    for key in wanted:
        while at < len(order) and order[at].field != key.field and order[at].field in settled:
            at += 1
        if at == len(order) or order[at].field != key.field:
            return None
        turned = order[at].descending != key.descending
        if reverse is not None and turned != reverse:
            return None
        reverse = turned
        settled.add(key.field)
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
    prefix, low, high, ranged, lead = b"", b"\x00", b"\xff", None, 0
    for part in index.ordered:
        demand = fields.get(part.field)
        if demand is not None and demand.equals:
            prefix += encoding.encode(demand.equals[0], part.descending)
            equal.append(part.field)
            lead += 1
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
        lead=lead,
    )


def _points(collection: Collection, demands: Demands) -> Iterator[Plan]:
    """Plans that read one record, whatever the sort."""
    if demands.equal("id"):
        yield _point(collection, demands, ("id",))
    for fields in collection.unique:
        if all(demands.equal(name) and _one(demands.fields, name) for name in fields):
            yield _point(collection, demands, fields)


def _one(fields: Mapping[str, Demand], name: str) -> bool:
    return fields[name].equals[0] is not None  # null is never claimed


def _point(collection: Collection, demands: Demands, fields: tuple[str, ...]) -> Plan:
    values = tuple(demands.fields[name].equals[0] for name in fields)
    return Plan(collection, None, point=fields, values=values, nothing=demands.impossible)


def _ordered(plan: Plan, demands: Demands, sort: Sort) -> Plan:
    """The plan with the order in which it gives records."""
    ordering = _Ordering(plan, demands)
    for key in sort:
        ordering.add(key)
    return ordering.done()


@dataclass(slots=True)
class _Ordering:
    """Works out a plan's order: what is asked for, then what the index sorts by besides.

    Where the filter holds a key that was asked for, or a part between two, to one value that the
    bounds do not, the order is true of what the filter takes, but not of what it leaves: no others
    merge with it.
    """

    plan: Plan
    demands: Demands
    keys: list[SortKey] = field(default_factory=list)
    constants: dict[str, bytes] = field(default_factory=dict)
    mergeable: bool = True
    at: int = 0
    ended: bool = False

    def add(self, key: SortKey) -> None:
        """Take in the next key of the sort."""
        if key.field in self._free and not self._fixed(key.field):
            while self._left[0].field != key.field:
                self._take()
                self.mergeable = False
            self._take()
        elif key.field in self._free:
            if self._left and self._left[0] == self._physical(key):
                self._take()
            else:
                self.mergeable = False
        elif key.field in ("created", "id") and self.plan.collection.ids == "auto":
            self._identify(key)
        elif self.ended:
            self.mergeable = False
        else:
            # What the bounds do not hold to the value is read with others, out of this order.
            self.mergeable = self.mergeable and key.field in self.plan.equal
            self.constants[key.field] = encoding.encode(self.demands.fields[key.field].equals[0])
            self.keys.append(key)

    def done(self) -> Plan:
        """The plan with what was worked out."""
        while self._left:
            self._take()
        last = self._turned(self.plan.descends)
        keys = self.keys
        repeated = SortKey("created", last)  # what the id says again
        if keys and keys[-1] == repeated and self.plan.collection.ids == "auto":
            keys = keys[:-1]
        known = {name: self.demands.fields[name].equals[0] for name in self.plan.equal}
        constants = {name: encoding.encode(value) for name, value in known.items()}
        return replace(
            self.plan,
            order=Order(tuple(keys), last),
            constants=constants | self.constants,
            mergeable=self.mergeable,
        )

    def _identify(self, key: SortKey) -> None:
        """A key that the id at the end of every position stands for."""
        while self._left:
            self._take()
            self.mergeable = False
        if key.descending != self._turned(self.plan.descends):
            self.mergeable = False
        self.ended = True

    def _take(self) -> None:
        part = self._left[0]
        self.keys.append(SortKey(part.field, self._turned(part.descending)))
        self.at += 1

    @property
    def _left(self) -> Sequence[IndexPart]:
        return self.plan.parts[self.plan.lead + self.at :]

    @property
    def _free(self) -> set[str]:
        return {part.field for part in self.plan.parts[self.plan.lead :]}

    def _fixed(self, name: str) -> bool:
        return self.demands.equal(name)

    def _physical(self, key: SortKey) -> IndexPart:
        return IndexPart(key.field, self._turned(key.descending))

    def _turned(self, descending: bool) -> bool:
        return descending != self.plan.reverse
