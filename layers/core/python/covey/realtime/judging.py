"""What changes of one collection mean to who listens to it, decided once for all who ask alike."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from covey import json
from covey.collections.model import Collection
from covey.collections.scope import Reads
from covey.errors import CoveyError, Unavailable
from covey.expressions import Expression
from covey.identity.authorize import foresee, permits
from covey.identity.principal import Principal
from covey.realtime.listening import Filters, seen
from covey.records.model import Change, ChangeKind, Record

Event = dict[str, Any]
Wanted = tuple[str, str]  # a filter, and the id of the one record or ""


def meaning(
    who: Principal,
    collection: Collection,
    accepts: Expression | None,
    change: Change,
    read: Reads | None = None,
) -> Event | None:
    """What a change means to a listener: created, updated, deleted, left, or nothing.

    A record that comes into sight by an update is "updated" and carries the whole document; one
    that goes out of sight has "left" and carries its id alone.
    """
    before = seen(who, collection, accepts, change.before, read)
    after = seen(who, collection, accepts, change.after, read)
    if after is not None:
        kind, record = str(change.kind), after
    elif before is not None:
        gone = change.kind is ChangeKind.DELETED
        kind, record = "deleted" if gone else "left", {"id": change.id}
    else:
        return None
    return {"type": "change", "kind": kind, "record": record, "order": order(change)}


def order(change: Change) -> str:
    """Of two events of one record, the later one has the greater of these texts.

    By when the record was made, as one of the same id may be made again, and its version. Whoever
    is told of a change could see one of its images, and these with it.
    """
    record = change.after or change.before
    created = 0 if record is None else record.created
    version = change.version + (change.kind is ChangeKind.DELETED)
    return f"{max(0, created):012x}{version:08x}"


class Judge:
    """Decides about changes of one collection. Safe between threads."""

    def __init__(
        self,
        collection: Collection,
        changes: Sequence[Change],
        filters: Filters,
        read: Reads | None = None,
    ) -> None:
        self.collection = collection
        self.changes = changes
        self._filters = filters
        self._read = read
        self._lock = threading.RLock()
        self._accepts: dict[tuple[Principal, str], Expression | CoveyError | None] = {}
        self._events: dict[tuple[Principal, Wanted, int], Event | None] = {}
        self._texts: dict[tuple[Principal, Wanted, int, str], str] = {}

    def event(self, who: Principal, wanted: Wanted, number: int) -> Event | None:
        """What the change of that number means to them; None also where the filter is void."""
        key = (who, wanted, number)
        if key not in self._events:
            with self._lock:
                self._events[key] = self._decided(who, wanted, self.changes[number])
        return self._events[key]

    def frame(
        self, who: Principal, wanted: Wanted, number: int, id: str, cursor: str
    ) -> bytes | None:
        """The event as it is sent to the subscription of this id; None for nothing.

        It is made once for all subscriptions that ask alike, but for their ids.
        """
        event = self.event(who, wanted, number)
        if event is None:
            return None
        key = (who, wanted, number, cursor)
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = json.encode({**event, "cursor": cursor})
        return f'{{"id":{json.encode(id)},{text[1:]}'.encode()

    def _decided(self, who: Principal, wanted: Wanted, change: Change) -> Event | None:
        written, record = wanted
        if record and record != change.id:
            return None
        if (who, written) not in self._accepts:
            self._accepts[who, written] = self._prepared(who, written)
        accepts = self._accepts[who, written]
        if isinstance(accepts, CoveyError):
            return None
        return meaning(who, self.collection, accepts, change, self._read)

    def _prepared(self, who: Principal, written: str) -> Expression | CoveyError | None:
        """The filter, or why it does not hold any more: the collection or their rights changed."""
        try:
            accepts = self._filters.of(who, self.collection, written)
        except Unavailable:  # the caller's own record could not be read: no fault of the filter
            raise
        except CoveyError as void:
            return void
        if self._read is not None and permits(who, "read", self.collection):
            every = [one for change in self.changes for one in (change.before, change.after)]
            there: list[Record] = [record for record in every if record is not None]
            foresee(who, self.collection, there, read=self._read)
        return accepts
