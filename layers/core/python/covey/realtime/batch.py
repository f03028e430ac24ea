"""Changes of one collection on their way to who listens: kept, and offered to who may want them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from covey.identity.principal import Principal
from covey.realtime.judging import Judge, Wanted
from covey.realtime.model import EVERY, Subscription
from covey.realtime.ports import ChangeLog, ConnectionStore, Places
from covey.realtime.topics import touched

RENEWED_MS = 5_000
# Between a cursor and what was on its way when it was given: what its batch may have been kept
# for before it was sent, the patience with one socket, and clocks that differ.
OVERLAP_MS = 15_000


class Ticker:
    """The time in milliseconds, never twice the same."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last = 0
        self._lock = threading.Lock()

    def __call__(self) -> int:
        """The time, later than any before."""
        with self._lock:
            self._last = max(self._last + 1, int(self._now() * 1000))
            return self._last

    def since(self, at: int) -> int:
        """How long ago that was; this may be asked as often as one likes."""
        return int(self._now() * 1000) - at


class Told(NamedTuple):
    """A change, by its number in a batch, that a subscription is to be told of."""

    batch: Batch
    subscription: Subscription
    number: int


class Batch:
    """Changes of one collection, in their order.

    They are kept in the log under the time of their sending. Where sending takes longer they are
    kept again, so that an event is never sent long after the time in its cursor: who is cut off
    finds it by any cursor of that time.
    """

    def __init__(self, judge: Judge, log: ChangeLog, places: Places, ticker: Ticker) -> None:
        self._judge = judge
        self._log = log
        self._places = places
        self._ticker = ticker
        self._lock = threading.Lock()
        self._cursors: dict[tuple[str, Wanted, int], str] = {}
        self._at = 0

    def keep(self) -> None:
        """Write the changes to the log, under the time of now."""
        at = self._ticker()
        self._log.append(self._judge.collection, at, self._judge.changes)
        self._at = at

    def offered(
        self, store: ConnectionStore, fields: Collection[str]
    ) -> Iterator[tuple[int, Sequence[Subscription]]]:
        """To each change, by its number, the subscriptions that may want it."""
        collection = self._judge.collection
        topics = [{EVERY, *touched(collection, one, fields)} for one in self._judge.changes]
        found = store.subscribers(collection.name, set().union(*topics))
        under: dict[str, list[Subscription]] = {}
        for one in found:
            for topic in one.topics:
                under.setdefault(topic, []).append(one)
        for number, wanted in enumerate(topics):
            near = [under[topic] for topic in wanted if topic in under]
            if len(near) == 1:
                yield number, near[0]
            elif near:
                once = {(one.connection, one.id): one for some in near for one in some}
                yield number, list(once.values())

    def concerns(self, who: Principal, subscription: Subscription, number: int) -> bool:
        """Whether a change means anything to them."""
        return self._judge.event(who, subscription.wanted, number) is not None

    def frame(self, who: Principal, subscription: Subscription, number: int) -> bytes | None:
        """The event of a change as it is sent; None where it means nothing to them."""
        wanted = subscription.wanted
        if self._judge.event(who, wanted, number) is None:
            return None
        cursor = self._cursor(who, wanted)
        return self._judge.frame(who, wanted, number, subscription.id, cursor)

    def _cursor(self, who: Principal, wanted: Wanted) -> str:
        if self._ticker.since(self._at) > RENEWED_MS:
            with self._lock:
                if self._ticker.since(self._at) > RENEWED_MS:  # no other thread was faster
                    self.keep()
        key = (who.scope, wanted, self._at)
        if key not in self._cursors:
            at = key[2]
            cursor = self._places.seal(self._judge.collection, who.scope, wanted, at)
            self._cursors[key] = cursor
        return self._cursors[key]
