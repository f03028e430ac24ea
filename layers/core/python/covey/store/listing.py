"""Pages: entries of all plans in one order, what is accepted of them, within a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Protocol

from covey.collections.model import Collection
from covey.errors import IndexRequired
from covey.records.model import Record
from covey.records.ports import Foreseeing, Page, Query, RuleBudgetError, Tally
from covey.store import streams
from covey.store.cursor import Cursors, Position, invalid_cursor
from covey.store.order import Order
from covey.store.parallel import together
from covey.store.plan import Plan
from covey.store.planner import NEWEST_FIRST, Planned, index_required, plan_of, tally_plan
from covey.store.streams import MAX_CHUNK, Merged, Met, Way, met_at

Accept = Callable[[Record], bool]


class Source(streams.Source, Protocol):
    """Where entries come from; called from several threads at once."""

    def get_many(
        self, collection: Collection, record_ids: Sequence[str], *, consistent: bool = False
    ) -> dict[str, Record]:
        """As `RecordStore.get_many`."""
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

    def page(self, collection: Collection, query: Query, accept: Accept) -> Page:
        """As `RecordStore.list`."""
        position = self._cursors.open(collection, query)
        try:
            planned = plan_of(collection, query, None if position is None else position.tag)
        except IndexRequired as error:
            if position is None:
                raise
            raise invalid_cursor() from error  # no index gives its order any more
        if planned.order is None:
            return self._whole(planned, query, accept)
        return self._read(planned, planned.order, position, query, accept)

    def tally(self, collection: Collection, query: Query, accept: Accept, now_s: int) -> Tally:
        """As `RecordStore.tally`."""
        query = replace(query, limit=MAX_CHUNK, cursor=None)
        planned = tally_plan(collection, query)
        if planned.order is None:
            found = self._whole(planned, query, accept)
            return Tally(len(found.records), found.examined, complete=True)
        if all(plan.empty for plan in planned.plans):
            return Tally(0, 0, complete=True)
        if planned.plan.covering and planned.whole:
            return self._source.counted(planned.plan, query.budget, now_s)
        kept = examined = 0
        counted: set[str] = set()
        way = self._way(planned, planned.order, None, query)
        ahead = _Ahead(way.met, accept, query.limit, begun=True)
        for _, record, _ in ahead:
            if examined == query.budget:
                return Tally(kept, examined, complete=False, bounded=planned.bounded)
            examined += 1
            if record is not None and record.id not in counted and accept(record):
                counted.add(record.id)
                kept += 1
        if ahead.spent:
            return Tally(kept, examined, complete=False, bounded=planned.bounded)
        return Tally(kept, examined, complete=True)

    def _whole(self, planned: Planned, query: Query, accept: Accept) -> Page:
        """A list of single records, each read by its key: sorted here, all on one page."""
        records = self._points(planned)
        sort = query.sort or NEWEST_FIRST
        order = Order(sort, sort[-1].descending)
        if isinstance(accept, Foreseeing):
            accept.foresee(records)
        kept = sorted(filter(accept, records), key=partial(order.of, planned.collection))
        return Page(kept, None, len(records))

    def _points(self, planned: Planned) -> list[Record]:
        """The records of the plans that read one, each once."""
        points = [plan for plan in planned.plans if plan.point and not plan.empty]
        ids = [str(plan.values[0]) for plan in points if plan.point == ("id",)]
        single = [plan for plan in points if plan.point != ("id",)]
        if len(ids) == 1 or not ids:
            single, ids = points, []
        reads = [partial(self._source.point, plan, plan.values) for plan in single]
        found = {record.id: record for record in together(reads) if record is not None}
        if ids:
            found |= self._source.get_many(planned.collection, ids)
        return list(found.values())

    def _read(
        self,
        planned: Planned,
        order: Order,
        start: Position | None,
        query: Query,
        accept: Accept,
    ) -> Page:
        """Read until one more than the page is found, to know whether there is more."""
        kept: dict[str, Record] = {}
        examined, more = 0, False
        passed: bytes | None = None
        way = self._way(planned, order, start, query)
        met = _Ahead(way.met, accept, query.limit + 1)
        for _, record, mark in met:
            if examined == query.budget:
                self._check_budget(planned, query, len(kept))
                more = True
                break
            examined += 1
            # Met again where another plan's index lags behind: shown once.
            if record is not None and record.id not in kept and accept(record):
                if len(kept) == query.limit:
                    more = True
                    break
                kept[record.id] = record
            passed = mark
        backward = start is not None and start.backward
        ahead = behind = None
        if (more or met.spent) and passed is not None:
            ahead = Position(order.tag, way.place(passed), backward)
        if start is not None:
            behind = start.reverse()
        records = list(kept.values())
        if backward:
            records.reverse()
            ahead, behind = behind, ahead
        seal = partial(self._seal, planned.collection, query)
        return Page(records, seal(ahead), examined, seal(behind))

    def _check_budget(self, planned: Planned, query: Query, kept: int) -> None:
        """The budget ended: refuse a page that the caller had better declare an index for."""
        if query.bounded_by_caller and not planned.bounded and kept < query.limit:
            raise index_required(planned.collection, query)

    def _seal(self, collection: Collection, query: Query, at: Position | None) -> str | None:
        return None if at is None else self._cursors.seal(collection, query, at)

    def _way(self, planned: Planned, order: Order, start: Position | None, query: Query) -> Merged:
        """What is met from a position on."""
        backward = start is not None and start.backward
        points = [
            met_at(order.of(planned.collection, record), record, backward=backward)
            for record in self._points(planned)
        ]
        plans = [plan for plan in planned.plans if not plan.point]
        if backward:
            plans = [plan.turned() for plan in plans]
        if start is not None:
            points = [point for point in points if _follows(point, start)]
            plans = [
                plan.beyond(start.at, backward=backward, inclusive=start.inclusive)
                for plan in plans
            ]
        merging = len(planned.plans) > 1
        way = Way(query.limit + 1, query.budget + 1, merging, backward)
        return streams.merged(self._source, plans, way, points)


class _Ahead:
    """What is met, with `accept` told of as many as a page takes before it is asked about them.

    It ends early, and is then `spent`, where no more may be foreseen; unless `begun`, raises
    RuleBudgetError where that is so from the first on.
    """

    def __init__(
        self, way: Iterator[Met], accept: Accept, size: int, *, begun: bool = False
    ) -> None:
        self._way = way
        self._accept = accept
        self._size = size
        self._begun = begun
        self.spent = False

    def __iter__(self) -> Iterator[Met]:
        if isinstance(self._accept, Foreseeing):
            return self._foreseen(self._accept)
        return self._way

    def _foreseen(self, accept: Foreseeing) -> Iterator[Met]:
        while met := list(islice(self._way, self._size)):
            try:
                accept.foresee([record for _, record, _ in met if record is not None])
            except RuleBudgetError:
                if not self._begun:
                    raise
                self.spent = True
                return
            self._begun = True
            yield from met


def _follows(point: Met, start: Position) -> bool:
    rank, _, place = point
    if place == start.at:
        return start.inclusive
    return rank > met_at(start.at, None, backward=start.backward)[0]
