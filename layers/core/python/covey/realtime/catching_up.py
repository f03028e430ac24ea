"""What a subscription begins with: what it missed since its cursor, or what there is.

Both are sent before the subscription is live; then, once more, what was kept in the log since the
beginning: whoever told of changes in between did not know of it. An event may come twice, never
not at all.

    now                            a cursor is given, or an event sent
     ├── OVERLAP_MS ──┤            what was on its way meanwhile: it is read again
     start            cursor
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from covey import json
from covey.collections.model import Collection
from covey.collections.scope import Reads
from covey.expressions import nodes
from covey.expressions.render import render
from covey.identity.principal import Principal
from covey.realtime.batch import OVERLAP_MS
from covey.realtime.frames import Answer
from covey.realtime.judging import Judge, Wanted
from covey.realtime.listening import Filters
from covey.realtime.model import KEPT_SECONDS, Listened
from covey.realtime.ports import ChangeLog, Lost, Places

MOST = 5_000  # changes looked at to find what somebody missed
_FRAME = 100_000  # bytes of a frame of records; a message has 128 KB
_SNAPSHOT_OVERLAP_MS = 5_000  # by which an index may lag behind what is told


class Listing(Protocol):
    """A page of records, as lists answer."""

    @property
    def items(self) -> tuple[dict[str, Any], ...]:
        """The documents."""
        ...

    @property
    def next(self) -> str | None:
        """The cursor of the next page."""
        ...


List = Callable[[Principal, str, Mapping[str, str]], Listing]
"""As `covey.records.service.Records.list`."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants to know what, under which name."""

    who: Principal
    collection: Collection
    wanted: Wanted
    id: str


@dataclass(slots=True)
class Start:
    """Where a subscription begins, and what it was told of already."""

    at: int  # the time of its beginning: its cursor, when it is ready
    since: int = 0  # from when on the log is read when it is live; 0 for not at all
    cursor: str = ""  # of what is told before it is ready
    said: Answer = field(default_factory=dict)  # what else is said when it is ready
    told: dict[str, int] = field(default_factory=dict)  # of each record, up to which sequence


class CatchingUp:
    """Tells what was missed, and what there is."""

    def __init__(
        self,
        log: ChangeLog,
        places: Places,
        listing: List,
        *,
        now: Callable[[], float] = time.time,
        reads: Callable[[], Reads] | None = None,
    ) -> None:
        self._log = log
        self._places = places
        self._list = listing
        self._now = now
        self._reads = reads
        self._filters = Filters()

    def start(self) -> Start:
        """A beginning from now on."""
        return Start(int(self._now() * 1000))

    def ready(self, wish: Wish, start: Start) -> Answer:
        """What is said when all that was missed is told."""
        cursor = self._places.seal(wish.collection, wish.who.scope, wish.wanted, start.at)
        return {"type": "ready", "id": wish.id, "cursor": cursor, **start.said}

    def resume(self, wish: Wish, start: Start, cursor: str, there: Listened) -> Iterator[Answer]:
        """What was missed since a cursor; raises Lost where that is not known any more."""
        at = self._places.open(wish.collection, wish.who.scope, wish.wanted, cursor)
        oldest = max(there.since, start.at - KEPT_SECONDS * 1000 + OVERLAP_MS)
        if at is None or not oldest <= at <= start.at + OVERLAP_MS:
            raise Lost
        yield from self._missed(wish, start, at - OVERLAP_MS, cursor)
        start.since, start.cursor = start.at - OVERLAP_MS, cursor

    def snapshot(self, wish: Wish, start: Start, parameters: Mapping[str, str]) -> Iterator[Answer]:
        """The first page of a list; raises as lists do."""
        where = _filter(wish.wanted)
        asked = {**parameters, "filter": where} if where else parameters
        page = self._list(wish.who, wish.collection.name, asked)
        start.said, start.since = {"next": page.next}, start.at - _SNAPSHOT_OVERLAP_MS
        for items, partial in _blocks(page.items):
            said: Answer = {"type": "snapshot", "id": wish.id, "items": items}
            yield {**said, "partial": partial} if partial else said

    def rest(self, wish: Wish, start: Start) -> Iterator[Answer]:
        """What came while a subscription was not live yet; raises Lost."""
        if start.since:
            cursor = start.cursor or self._places.seal(
                wish.collection, wish.who.scope, wish.wanted, start.at
            )
            yield from self._missed(wish, start, start.since, cursor)

    def _missed(self, wish: Wish, start: Start, since: int, cursor: str) -> Iterator[Answer]:
        changes = []
        for change in self._log.since(wish.collection, since, MOST):
            # A batch that was told again stands in the log again, behind what came after it: what
            # a record was before what was told of it would be the last word on it.
            sequence = int(change.sequence or 0)
            if sequence > start.told.get(change.id, -1):
                start.told[change.id] = sequence
                changes.append(change)
        read = None if self._reads is None else self._reads()
        judge = Judge(wish.collection, changes, self._filters, read)
        for number in range(len(changes)):
            event = judge.event(wish.who, wish.wanted, number)
            if event is not None:
                # That of who asked: until the end is told, what was missed is missed again.
                yield {**event, "id": wish.id, "cursor": cursor}


def _filter(wanted: Wanted) -> str:
    written, record = wanted
    if not record:
        return written if written.strip() else ""
    one = render(nodes.Binary("==", nodes.Name(("id",)), nodes.Literal(record)))
    return f"({written}) && {one}" if written.strip() else one


def _blocks(
    documents: Iterable[dict[str, Any]],
) -> Iterator[tuple[list[dict[str, Any]], list[str]]]:
    """The documents in parts that fit into a frame, and which are told by their id alone."""
    block: list[dict[str, Any]] = []
    partial: list[str] = []
    size = 0
    for document in documents:
        length = len(json.encode(document).encode())
        whole = length <= _FRAME
        if not whole:
            document, length = {"id": document["id"]}, 300
        if block and size + length > _FRAME:
            yield block, partial
            block, partial, size = [], [], 0
        block.append(document)
        size += length
        if not whole:
            partial.append(document["id"])
    yield block, partial
