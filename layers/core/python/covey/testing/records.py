"""A record store in memory: the twin of `covey.store.records.DynamoRecordStore`.

It shares the planner, the pages and the cursors, keeps the same orders and raises the same
errors; only the keeping is its own. `also` has no meaning here and is collected in `written`.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from covey.collections.model import Collection
from covey.errors import Conflict, CoveyError, NotFound
from covey.records import ids
from covey.records.model import Record
from covey.records.ports import Page, Query, Write, WriteRefused
from covey.store import keys
from covey.store.cursor import Cursors
from covey.store.layout import Claim, equality_of, layout_of
from covey.store.listing import Entry, Lister
from covey.store.plan import Plan
from covey.store.planner import explained
from covey.store.records import check_created
from covey.store.writing import Requests, check_size, exists, taken


class MemoryRecordStore:
    """`RecordStore` in dictionaries, safe between threads."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._lock = threading.RLock()
        self._records: dict[str, dict[str, Record]] = {}
        self._claims: dict[keys.Key, str] = {}
        self._once: dict[str, tuple[dict[str, Any], int]] = {}
        self._clock = clock
        self._requests = Requests("memory")
        self._make_id = ids.IdMaker().make
        secret = secrets.token_bytes(32)
        self._lister = Lister(self, Cursors(lambda: secret, clock))
        self.written: list[dict[str, Any]] = []

    def new_id(self, collection: Collection) -> str:
        """As `RecordStore.new_id`."""
        return self._make_id()

    def get(
        self, collection: Collection, record_id: str, *, consistent: bool = False
    ) -> Record | None:
        """As `RecordStore.get`."""
        return self._of(collection).get(record_id)

    def get_many(self, collection: Collection, record_ids: Sequence[str]) -> dict[str, Record]:
        """As `RecordStore.get_many`."""
        kept = self._of(collection)
        return {record_id: kept[record_id] for record_id in record_ids if record_id in kept}

    def create(
        self, collection: Collection, record: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        """As `RecordStore.create`."""
        check_created(collection, record)
        layout_of(collection).item(record)  # what could not be stored is refused here too
        with self._lock:
            if record.id in self._of(collection):
                raise exists()
            self._claim(collection, None, record)
            self._of(collection)[record.id] = record
            self.written.extend(also)

    def update(
        self,
        collection: Collection,
        before: Record,
        after: Record,
        *,
        also: Sequence[dict[str, Any]] = (),
    ) -> None:
        """As `RecordStore.update`."""
        layout_of(collection).item(after)
        with self._lock:
            self._expect(collection, before)
            self._claim(collection, before, after)
            self._of(collection)[after.id] = after
            self.written.extend(also)

    def delete(
        self, collection: Collection, before: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        """As `RecordStore.delete`."""
        with self._lock:
            self._expect(collection, before)
            self._claim(collection, before, None)
            del self._of(collection)[before.id]
            self.written.extend(also)

    def write(self, writes: Sequence[Write], *, also: Sequence[dict[str, Any]] = ()) -> None:
        """As `RecordStore.write`."""
        # The requests are made for what they refuse: sizes, and values taken twice.
        parts = self._requests.parts(writes, together=True)
        check_size(writes, len(parts) + len(also))
        with self._lock:
            for position, write in enumerate(writes):
                try:
                    self._check(write)
                except CoveyError as error:
                    raise WriteRefused(position, error) from error
            self._claims = self._claims_after(writes)
            for write in writes:
                if write.after is None:
                    del self._of(write.collection)[write.id]
                else:
                    self._of(write.collection)[write.id] = write.after
            self.written.extend(also)

    def _claims_after(self, writes: Sequence[Write]) -> dict[keys.Key, str]:
        claims = dict(self._claims)
        for write in writes:
            for claim in _claims_of(write.collection, write.before):
                claims.pop(claim.key, None)
        for position, write in enumerate(writes):
            for claim in _claims_of(write.collection, write.after):
                if claims.setdefault(claim.key, write.id) != write.id:
                    raise WriteRefused(position, taken(claim))
        return claims

    def _check(self, write: Write) -> None:
        if write.before is not None:
            self._expect(write.collection, write.before)
        elif write.after is not None:
            check_created(write.collection, write.after)
            if write.id in self._of(write.collection):
                raise exists()

    def list(self, collection: Collection, query: Query, accept: Callable[[Record], bool]) -> Page:
        """As `RecordStore.list`."""
        return self._lister.page(collection, query, accept)

    def explain(self, collection: Collection, query: Query) -> dict[str, Any]:
        """As `RecordStore.explain`."""
        return explained(collection, query)

    def find_unique(
        self, collection: Collection, fields: tuple[str, ...], values: tuple[Any, ...]
    ) -> str | None:
        """As `RecordStore.find_unique`."""
        if None in values:
            return None
        return self._claims.get(layout_of(collection).claim_key(fields, values))

    def count(self, collection: Collection) -> int:
        """As `RecordStore.count`."""
        return len(self._of(collection))

    def expired(self, now_s: int, limit: int) -> Sequence[tuple[str, str]]:
        """As `RecordStore.expired`."""
        due = [
            (record.expires, name, record.id)
            for name, records in self._records.items()
            for record in records.values()
            if record.expires is not None and record.expires <= now_s
        ]
        return [(name, record_id) for _, name, record_id in sorted(due)[:limit]]

    def put_once(self, key: str, value: Mapping[str, Any], expires: int) -> bool:
        """As `RecordStore.put_once`."""
        with self._lock:
            if key in self._once and self._once[key][1] > self._clock():
                return False
            self._once[key] = (dict(value), expires)
            return True

    def take(self, key: str) -> dict[str, Any] | None:
        """As `RecordStore.take`."""
        with self._lock:
            value, expires = self._once.pop(key, ({}, 0))
        return value if expires > int(self._clock()) else None

    def entries(self, plan: Plan, shard: int, first: int, budget: int) -> Iterator[Entry]:
        """As `Source.entries`."""
        found = [
            Entry(position, record)
            for record in list(self._of(plan.collection).values())
            if keys.shard_of(plan.collection, record.id, record.created) == shard
            and (plan.index is None or equality_of(plan.index, record) == plan.equality)
            and plan.low <= (position := plan.position(record)) <= plan.high
        ]
        found.sort(key=lambda entry: entry.position, reverse=plan.reverse)
        return iter(found[:budget])

    def point(self, plan: Plan, values: tuple[object, ...]) -> Record | None:
        """As `Source.point`."""
        if plan.point == ("id",):
            return self.get(plan.collection, str(values[0]))
        found = self.find_unique(plan.collection, plan.point, values)
        return None if found is None else self.get(plan.collection, found)

    def _of(self, collection: Collection) -> dict[str, Record]:
        return self._records.setdefault(collection.name, {})

    def _expect(self, collection: Collection, before: Record) -> None:
        current = self._of(collection).get(before.id)
        if current is None:
            raise NotFound("record")
        if current.version != before.version:
            raise Conflict("The record has changed meanwhile.")

    def _claim(self, collection: Collection, before: Record | None, after: Record | None) -> None:
        held, wanted = _claims_of(collection, before), _claims_of(collection, after)
        owner = next(record.id for record in (before, after) if record is not None)
        for claim in wanted:
            if self._claims.get(claim.key, owner) != owner:
                raise taken(claim)
        for claim in held:
            self._claims.pop(claim.key, None)
        self._claims.update((claim.key, owner) for claim in wanted)


def _claims_of(collection: Collection, record: Record | None) -> list[Claim]:
    return [] if record is None else layout_of(collection).claims(record)
