"""A batch of changes to the sockets that may know of them.

Every event is authorised when it is sent, with the rule, the filter and the caller of that
moment. A record too large for a message is told by its id, with ``"partial": true``. A socket
that is gone is forgotten; one that cannot be reached holds nobody up.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from covey import json
from covey.collections.catalog import Catalog
from covey.collections.model import Collection
from covey.collections.scope import Reads
from covey.errors import CoveyError, NotFound, TooLarge
from covey.expressions import Expression
from covey.identity.authorize import foresee
from covey.identity.principal import Principal
from covey.realtime.listening import Filters, seen
from covey.realtime.model import Subscription
from covey.realtime.ports import ConnectionStore
from covey.realtime.sockets import Gone, Sockets
from covey.records.model import Change, ChangeKind

SENDERS = 8
_log = logging.getLogger(__name__)

Event = dict[str, Any]


class FanOut:
    """Tells sockets of changes."""

    def __init__(
        self,
        store: ConnectionStore,
        catalog: Catalog,
        sockets: Sockets,
        with_profile: Callable[[Principal], Principal],
        *,
        now: Callable[[], float] = time.time,
        reads: Callable[[], Reads] | None = None,
    ) -> None:
        """`reads` makes what rules read other records by, anew for each batch of changes."""
        self._reads = reads
        self._store = store
        self._catalog = catalog
        self._sockets = sockets
        self._with_profile = with_profile
        self._now = now
        self._filters = Filters()

    def tell(self, changes: Iterable[Change]) -> int:
        """Send what these changes mean to each subscriber, in order per socket; how many events.

        Sending is at least once: a batch that is delivered again is sent again.
        """
        outbox: dict[str, list[Event]] = {}
        listeners: dict[str, list[Listener]] = {}
        changes = list(changes)
        read = None if self._reads is None else self._reads()
        for change in changes:
            if change.collection not in listeners:
                found = list(self._listeners(change.collection, read))
                listeners[change.collection] = found
                told = [one for one in changes if one.collection == change.collection]
                for listener in found:
                    listener.foresee(told)
            for listener in listeners[change.collection]:
                event = listener.event(change)
                if event is not None:
                    outbox.setdefault(listener.connection, []).append(event)
        if outbox:
            with ThreadPoolExecutor(min(SENDERS, len(outbox))) as pool:
                list(pool.map(self._send, outbox, outbox.values()))
        return sum(len(events) for events in outbox.values())

    def _listeners(self, name: str, read: Reads | None) -> Iterator[Listener]:
        try:
            collection = self._catalog.get(name)
        except NotFound:
            return
        now = int(self._now())
        for subscription in self._store.subscribers(name):
            who = subscription.identity.principal(now)
            if who is None or subscription.expires <= now:
                continue
            try:
                who = self._with_profile(who)
                accepts = self._filters.of(who, collection, subscription.filter)
                yield Listener(subscription, collection, who, accepts, read)
            except CoveyError as refused:
                # The collection or the caller's rights changed since: the filter no longer holds.
                _log.info("subscription %s is void: %s", subscription.id, refused)

    def _send(self, connection: str, events: list[Event]) -> None:
        try:
            for event in events:
                self._post(connection, event)
        except Gone:
            self._store.close(connection)

    def _post(self, connection: str, event: Event) -> None:
        try:
            self._sockets.post(connection, json.encode(event).encode())
        except TooLarge:
            # A record may be larger than a message: whoever wants it whole reads it.
            short = {**event, "record": {"id": event["record"]["id"]}, "partial": True}
            self._sockets.post(connection, json.encode(short).encode())


class Listener:
    """One subscription, ready to judge changes."""

    def __init__(
        self,
        subscription: Subscription,
        collection: Collection,
        who: Principal,
        accepts: Expression | None,
        read: Reads | None = None,
    ) -> None:
        self.connection = subscription.connection
        self._id = subscription.id
        self._collection = collection
        self._who = who
        self._accepts = accepts
        self._read = read

    def foresee(self, changes: Sequence[Change]) -> None:
        """Read together the other records that the rules will ask for."""
        records = [one for change in changes for one in (change.before, change.after)]
        there = [record for record in records if record is not None]
        foresee(self._who, self._collection, there, read=self._read)

    def event(self, change: Change) -> Event | None:
        """What this change means to the listener: created, updated, deleted, left, or nothing.

        A record that comes into sight by an update is "updated" and carries the whole
        document; one that goes out of sight has "left" and carries its id alone.
        """
        before = seen(self._who, self._collection, self._accepts, change.before, self._read)
        after = seen(self._who, self._collection, self._accepts, change.after, self._read)
        if after is not None:
            kind, record = str(change.kind), after
        elif before is not None:
            gone = change.kind is ChangeKind.DELETED
            kind, record = "deleted" if gone else "left", {"id": change.id}
        else:
            return None
        return {
            "type": "change",
            "id": self._id,
            "kind": kind,
            "record": record,
            "cursor": change.sequence,
        }
