"""Pages: entries of all shards in one order, what is accepted of them, within a budget."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple, Protocol

from covey.collections.model import Collection
from covey.records.model import Record
from covey.records.ports import Page, Query, Tally
from covey.store import encoding, keys
from covey.store.cursor import Cursors, Position, invalid_cursor
from covey.store.plan import Plan
from covey.store.planner import Planned, index_required, plan_of, tally_plan

MAX_CHUNK = 400


class Entry(NamedTuple):
    """A record at its position; None when the entry outlived it."""

    position: bytes
    record: Record | None


class Source(Protocol):
    """Where entries come from."""

    def entries(self, plan: Plan, shard: int, first: int, budget: int) -> Iterator[Entry]:
        """One shard's entries in the plan's order, read as they are asked for.

        `first` is how many are likely to be wanted, `budget` how many at most.
        """
        ...

    def point(self, plan: Plan, values: tuple[object, ...]) -> Record | None:
        """The one record of a point plan, by id or by the values of its unique fields."""
        ...

    def counted(self, plan: Plan, budget: int, now_s: int) -> Tally:
        """How many of a covering plan's records have not expired, without reading them here."""
        ...


class Lister:
    """Lists one collection after another from a source."""

    def __init__(self, source: Source, cursors: Cursors) -> None:
        self._source = source
        self._cursors = cursors

    def page(self, collection: Collection, query: Query, accept: Callable[[Record], bool]) -> Page:
        """As `RecordStore.list`."""
        planned = plan_of(collection, query)
        position = self._cursors.open(collection, query)
        if planned.plan.point:
            return self._point(planned, position, accept)
        plan = planned.plan if position is None else _resumed(planned, position)
        return self._read(planned, plan, query, accept)

    def tally(
        self, collection: Collection, query: Query, accept: Callable[[Record], bool], now_s: int
    ) -> Tally:
        """As `RecordStore.tally`."""
        planned = tally_plan(collection, query)
        plan = planned.plan
        if plan.point:
            found = self._point(planned, None, accept)
            return Tally(len(found.records), found.examined, complete=True)
        if plan.empty:
            return Tally(0, 0, complete=True)
        if plan.covering and planned.whole:
            return self._source.counted(plan, query.budget, now_s)
        kept = examined = 0
        for entry in self._merged(plan, replace(query, limit=MAX_CHUNK)):
            if examined == query.budget:
                return Tally(kept, examined, complete=False, bounded=plan.bounded)
            examined += 1
            kept += entry.record is not None and accept(entry.record)
        return Tally(kept, examined, complete=True)

    def _point(
        self, planned: Planned, position: Position | None, accept: Callable[[Record], bool]
    ) -> Page:
        plan = planned.plan
        if plan.empty or position is not None:
            return Page([])
        values = tuple(planned.demands.fields[name].equals[0] for name in plan.point)
        record = self._source.point(plan, values)
        return Page([record] if record is not None and accept(record) else [], None, 1)

    def _read(
        self, planned: Planned, plan: Plan, query: Query, accept: Callable[[Record], bool]
    ) -> Page:
        """Read until one more than the page is found, to know whether there is a next."""
        kept: list[Record] = []
        examined, passed = 0, b""
        for entry in self._merged(plan, query):
            if examined == query.budget:
                return self._cut(planned, plan, query, Page(kept, None, examined), passed)
            examined += 1
            if entry.record is not None and accept(entry.record):
                if len(kept) == query.limit:
                    return Page(kept, self._seal(plan, query, passed), examined)
                kept.append(entry.record)
            passed = entry.position
        return Page(kept, None, examined)

    def _cut(self, planned: Planned, plan: Plan, query: Query, page: Page, passed: bytes) -> Page:
        """The budget ended: the page so far, unless the caller had better declare an index."""
        if query.bounded_by_caller and not plan.bounded and len(page.records) < query.limit:
            raise index_required(plan.collection, query, planned)
        return Page(page.records, self._seal(plan, query, passed), page.examined)

    def _seal(self, plan: Plan, query: Query, passed: bytes) -> str:
        return self._cursors.seal(plan.collection, query, Position(plan.number, passed))

    def _merged(self, plan: Plan, query: Query) -> Iterator[Entry]:
        if plan.empty:
            return iter(())
        shards = keys.shards(plan.collection)
        wanted, budget = query.limit + 1, query.budget + 1
        first = wanted if len(shards) == 1 else min(wanted, 2 * wanted // len(shards) + 2)
        streams = [
            self._source.entries(plan, shard, min(first, budget), budget) for shard in shards
        ]
        if len(streams) == 1:
            return streams[0]
        order = (lambda e: encoding.invert(e.position)) if plan.reverse else _position
        return heapq.merge(*streams, key=order)


def _position(entry: Entry) -> bytes:
    return entry.position


def _resumed(planned: Planned, position: Position) -> Plan:
    """The rest of the plan; a cursor of another index than the one now chosen has ended."""
    if position.number != planned.plan.number:
        raise invalid_cursor()
    return planned.plan.beyond(position.at)
