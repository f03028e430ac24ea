"""Entries of several plans and all of their shards, in one order, read side by side."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import starmap
from typing import Any, NamedTuple, Protocol, TypeAlias

from covey.records.model import Record
from covey.store import encoding, keys
from covey.store.parallel import together
from covey.store.plan import Plan

MAX_CHUNK = 400


# A position and the record there, None when the entry outlived it. A plain pair: a list makes
# hundreds, and one with names takes five times as long.
Entry: TypeAlias = tuple[bytes, Record | None]


class Chunk(NamedTuple):
    """Some entries of one shard, and where the next begin; None when there are no more."""

    entries: Sequence[Entry]
    more: Any = None


class Source(Protocol):
    """Where entries come from; called from several threads at once."""

    def chunk(self, plan: Plan, shard: int, limit: int, start: Any) -> Chunk:
        """One shard's next entries in the plan's order: at most `limit`, from `start` on."""
        ...


# What is met on the way through a list: a rank that rises along the way, the record, and a mark of
# where it stands, of which `Merged.place` makes its place in the list's order. Plain, as entries.
Met: TypeAlias = tuple[bytes, Record | None, bytes]


class Merged(NamedTuple):
    """A way through a list."""

    met: Iterator[Met]
    place: Callable[[bytes], bytes]


def met_at(place: bytes, record: Record | None, *, backward: bool) -> Met:
    """An entry at a place of the list's order, which is its mark too."""
    return encoding.invert(place) if backward else place, record, place


class Way(NamedTuple):
    """How a list is gone through: how many are likely to be wanted, how many may be read.

    `merging` says that several plans give it, `backward` that they have been turned.
    """

    wanted: int
    budget: int
    merging: bool = False
    backward: bool = False


@dataclass(slots=True)
class Stream:
    """One shard of one plan, as far as it has been read."""

    source: Source
    plan: Plan
    shard: int
    chunk: int
    left: int
    way: Way
    waiting: deque[Met] = field(default_factory=deque)
    start: Any = None
    done: bool = False

    def fill(self) -> None:
        """Read on until there is an entry, or the end."""
        while not self.done:
            limit = min(self.chunk, self.left)
            found = self.source.chunk(self.plan, self.shard, limit, self.start)
            self.waiting.extend(starmap(self._met, found.entries))
            self.left -= len(found.entries)
            self.start, self.chunk = found.more, min(self.chunk * 2, MAX_CHUNK)
            self.done = found.more is None or self.left <= 0
            if found.entries:
                return

    def _met(self, position: bytes, record: Record | None) -> Met:
        if self.way.merging:
            return met_at(self.plan.logical(position), record, backward=self.way.backward)
        rank = encoding.invert(position) if self.plan.reverse else position
        return rank, record, position

    @property
    def low(self) -> bool:
        """Whether it will soon have to read on."""
        return not self.done and len(self.waiting) * 8 <= self.chunk


def merged(source: Source, plans: Sequence[Plan], way: Way, points: Sequence[Met] = ()) -> Merged:
    """The entries of all plans and of `points` in one order, read as they are asked for.

    What stands at one place in several plans is met once.
    """
    pairs = [
        (plan, shard) for plan in plans if not plan.empty for shard in keys.shards(plan.collection)
    ]
    share = way.wanted if len(pairs) <= 1 else min(way.wanted, 2 * way.wanted // len(pairs) + 2)
    first = min(share, way.budget)
    streams = [Stream(source, plan, shard, first, way.budget, way) for plan, shard in pairs]
    together([stream.fill for stream in streams])
    place = _itself if way.merging or not plans else plans[0].logical
    if len(streams) == 1 and not points:
        return Merged(_straight(streams[0]), place)
    queues = [stream.waiting for stream in streams] + [deque([point]) for point in points]
    return Merged(_in_order(streams, queues), place)


def _itself(place: bytes) -> bytes:
    return place


def _straight(stream: Stream) -> Iterator[Met]:
    """The entries of a single stream: as below, with nothing to compare."""
    while True:
        waiting = stream.waiting
        while waiting:
            yield waiting.popleft()
        if stream.done:
            return
        stream.fill()


def _in_order(streams: Sequence[Stream], queues: Sequence[deque[Met]]) -> Iterator[Met]:
    heap = [(queue[0][0], at) for at, queue in enumerate(queues) if queue]
    heapq.heapify(heap)
    last = b""
    while heap:
        _, at = heap[0]
        met = queues[at].popleft()
        if met[0] != last:
            yield met  # before more is read: it may have been the last that is wanted
        last = met[0]
        if not queues[at] and at < len(streams) and not streams[at].done:
            # While one is waited for, the others that run low are read on as well.
            together([one.fill for one in streams if one is streams[at] or one.low])
        if queues[at]:
            heapq.heapreplace(heap, (queues[at][0][0], at))
        else:
            heapq.heappop(heap)
