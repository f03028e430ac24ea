"""Lists by distance: the entries of cells around a point, in circles that widen.

A circle is read before the next, wider one, without what has been read. When it holds the page,
and one more to know whether there is a next, nothing that lies further out can change it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from covey.collections.model import Collection
from covey.records.model import Record
from covey.records.nearness import Circle
from covey.records.ports import Foreseeing, Nearby, Query
from covey.store import cells, keys
from covey.store.cursor import Cursors, Position
from covey.store.parallel import together
from covey.store.plan import Plan
from covey.store.streams import MAX_CHUNK, Chunk, Source

TAG = b"nearby"
STEPS = (64, 16, 4, 1)  # the radius is divided by these, one after the other
_PLACE = struct.Struct(">d")

Accept = Callable[[Record], bool]
Place = tuple[float, str]  # distance, id


class Hit(NamedTuple):
    """A record and how far it is."""

    place: Place
    record: Record


class Neighbours:
    """Lists by distance from a source."""

    def __init__(self, source: Source, cursors: Cursors) -> None:
        self._source = source
        self._cursors = cursors

    def page(self, collection: Collection, query: Query, circle: Circle, accept: Accept) -> Nearby:
        """As `RecordStore.near`."""
        after = self._opened(collection, query)
        hits: list[Hit] = []
        read: list[cells.Range] = []
        examined, certain = 0, 0.0
        for divisor in STEPS:
            radius = circle.km / divisor
            if after is not None and radius < after[0] and divisor > 1:
                continue  # all of it was on the pages before
            ranges = cells.joined(cells.cover(circle.lat, circle.lon, radius))
            left = query.budget - examined
            found = self._entries(collection, circle, cells.without(ranges, read), left)
            read = cells.joined([*read, *ranges])
            examined += len(found)
            hits += self._hits(found[:left], circle, after, accept)
            if len(found) > left:
                return self._cut(collection, query, hits, certain, examined)
            certain = radius
            within = [hit for hit in hits if hit.place[0] <= certain]
            if len(within) > query.limit or divisor == 1:
                return self._page(collection, query, within, examined, complete=True)
        raise AssertionError("the last circle is the whole")

    def _cut(
        self, collection: Collection, query: Query, hits: list[Hit], certain: float, examined: int
    ) -> Nearby:
        """The budget has ended: what is certainly nearest, else whatever was found."""
        within = [hit for hit in hits if hit.place[0] <= certain]
        if len(within) >= query.limit:
            return self._page(collection, query, within, examined, complete=True, more=True)
        page = sorted(hits, key=_place)[: query.limit]
        return Nearby([hit.record for hit in page], None, examined, complete=False)

    def _page(
        self,
        collection: Collection,
        query: Query,
        hits: list[Hit],
        examined: int,
        *,
        complete: bool,
        more: bool = False,
    ) -> Nearby:
        ordered = sorted(hits, key=_place)
        page = ordered[: query.limit]
        following = None
        if page and (more or len(ordered) > query.limit):
            distance, record_id = page[-1].place
            at = _PLACE.pack(distance) + record_id.encode()
            following = self._cursors.seal(collection, query, Position(TAG, at))
        return Nearby([hit.record for hit in page], following, examined, complete)

    def _opened(self, collection: Collection, query: Query) -> Place | None:
        position = self._cursors.open(collection, query)
        if position is None:
            return None
        (distance,) = _PLACE.unpack_from(position.at)
        return distance, position.at[_PLACE.size :].decode()

    def _hits(
        self, found: list[Record | None], circle: Circle, after: Place | None, accept: Accept
    ) -> Iterator[Hit]:
        hits: list[Hit] = []
        for record in found:
            distance = None if record is None else circle.distance(record)
            if record is None or distance is None or distance > circle.km:
                continue
            place = distance, record.id
            if after is None or place > after:
                hits.append(Hit(place, record))
        if isinstance(accept, Foreseeing):
            accept.foresee([hit.record for hit in hits])
        return (hit for hit in hits if accept(hit.record))

    def _entries(
        self, collection: Collection, circle: Circle, ranges: list[cells.Range], budget: int
    ) -> list[Record | None]:
        """The records of the ranges, one more than the budget where there are more."""
        index = next(one for one in collection.geo if one.parts[0].field == circle.field)
        tasks = [
            partial(self._range, Plan(collection, index, low=low, high=high), shard, budget + 1)
            for start, end in ranges
            for low, high in [(cells.bytes_of(start), cells.bytes_of(end + 1))]
            for shard in keys.shards(collection)
        ]
        return [record for found in together(tasks) for record in found]

    def _range(self, plan: Plan, shard: int, limit: int) -> list[Record | None]:
        found: list[Record | None] = []
        chunk = Chunk([], None)
        while len(found) < limit:
            chunk = self._source.chunk(plan, shard, min(MAX_CHUNK, limit - len(found)), chunk.more)
            found += (record for _, record in chunk.entries)
            if chunk.more is None:
                break
        return found


def _place(hit: Hit) -> Place:
    return hit.place
