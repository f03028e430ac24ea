"""A batch of changes to the sockets that may know of them.

Every event is authorised when it is sent, with the rule, the filter and the caller of that
moment. Changes are kept before it is asked who listens: whoever subscribes after that question
finds them in the log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from covey.collections.catalog import Catalog
from covey.collections.model import Collection
from covey.collections.scope import Reads
from covey.errors import NotFound
from covey.identity.principal import Principal
from covey.realtime.batch import Batch, Ticker, Told
from covey.realtime.delivery import Delivery
from covey.realtime.judging import Judge
from covey.realtime.listening import Filters
from covey.realtime.model import Listened
from covey.realtime.ports import ChangeLog, ConnectionStore, Places
from covey.realtime.presences import Presences
from covey.records.model import Change


class FanOut:
    """Tells sockets of changes."""

    def __init__(
        self,
        store: ConnectionStore,
        log: ChangeLog,
        places: Places,
        catalog: Catalog,
        delivery: Delivery,
        present: Callable[[Principal], Principal],
        *,
        with_profile: Callable[[Principal], Principal] = lambda who: who,
        now: Callable[[], float] = time.time,
        reads: Callable[[], Reads] | None = None,
    ) -> None:
        """`present` is the caller of now; raises Unauthenticated for one that is not there.

        `reads` makes what rules read other records by, anew for each collection of a batch.
        """
        self._store = store
        self._catalog = catalog
        self._delivery = delivery
        self._now = now
        self._presences = partial(Presences, present, with_profile, now)
        self._reads = reads
        self._filters = Filters()
        self._batch = partial(Batch, log=log, places=places, ticker=Ticker(now))

    def tell(self, changes: Iterable[Change]) -> int:
        """Send what these changes mean to each subscriber, in order per socket; how many events.

        Sending is at least once: a batch that is delivered again is sent again.
        """
        outbox: dict[str, list[Told]] = {}
        presences = self._presences()
        for collection, there, some in self._listened(changes):
            # For each judge its own: they are asked side by side, and each guards what it asks.
            read = None if self._reads is None else self._reads()
            batch = self._batch(Judge(collection, some, self._filters, read))
            batch.keep()
            for told in self._wanted(batch, there, presences):
                outbox.setdefault(told.subscription.connection, []).append(told)

        def frame(told: Told) -> bytes | None:
            who = presences.now(told.subscription.identity)
            if who is None:
                return None
            return told.batch.frame(who, told.subscription, told.number)

        self._delivery.deliver(outbox, frame)
        return sum(map(len, outbox.values()))

    def _listened(
        self, changes: Iterable[Change]
    ) -> Iterator[tuple[Collection, Listened, list[Change]]]:
        by_name: dict[str, list[Change]] = {}
        for change in changes:
            by_name.setdefault(change.collection, []).append(change)
        if not by_name:
            return
        for name, there in self._store.listened(list(by_name), self._now()).items():
            try:
                yield self._catalog.get(name), there, by_name[name]
            except NotFound:
                continue

    def _wanted(self, batch: Batch, there: Listened, presences: Presences) -> Iterator[Told]:
        """What is to be told, as far as is known of who listens; it is asked who they are later."""
        now = int(self._now())
        for number, subscriptions in batch.offered(self._store, there.fields):
            for one in subscriptions:
                who = presences.then(one.identity) if one.expires > now else None
                if who is not None and batch.concerns(who, one, number):
                    yield Told(batch, one, number)
