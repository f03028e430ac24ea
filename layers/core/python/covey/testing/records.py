"""A record store in memory: the twin of `covey.store.records.DynamoRecordStore`.

It shares the planner, the pages and the cursors, keeps the same orders and raises the same
errors; only the keeping is its own. `also` has no meaning here and is collected in `written`.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from covey.collections.model import Collection, Field
from covey.collections.references import target_ids
from covey.errors import Conflict, CoveyError, NotFound
from covey.records import ids
from covey.records.model import Record
from covey.records.nearness import Circle
from covey.records.ports import Nearby, Page, Query, Tally, Write, WriteRefused
from covey.store import keys
from covey.store.cursor import Cursors
from covey.store.explaining import explained
from covey.store.layout import Claim, layout_of
from covey.store.listing import Lister
from covey.store.nearby import Neighbours
from covey.store.plan import Plan
from covey.store.records import check_created
from covey.store.streams import Chunk, Entry
from covey.store.writing import Requests, check_size, exists, taken


class MemoryRecordStore:
    """`RecordStore` in dictionaries, safe between threads."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.lock = threading.RLock()
        self._records: dict[str, dict[str, Record]] = {}
        self._slots: dict[str, dict[str, dict[str, bytes]]] = {}
        self.claims: dict[keys.Key, str] = {}
        self._once: dict[str, tuple[dict[str, Any], int]] = {}
        self._clock = clock
        self._requests = Requests("memory")
        self._make_id = ids.IdMaker().make
        secret = secrets.token_bytes(32)
        cursors = Cursors(lambda: secret, clock)
        self._lister = Lister(self, cursors)
        self._neighbours = Neighbours(self, cursors)
        self.written: list[dict[str, Any]] = []
        self._gates: dict[tuple[str, str], tuple[int, int | None]] = {}  # passed, closed

    def new_id(self, collection: Collection) -> str:
        """As `RecordStore.new_id`."""
        return self._make_id()

    def get(
        self, collection: Collection, record_id: str, *, consistent: bool = False
    ) -> Record | None:
        """As `RecordStore.get`."""
        return self.of(collection).get(record_id)

    def get_many(
        self, collection: Collection, record_ids: Sequence[str], *, consistent: bool = False
    ) -> dict[str, Record]:
        """As `RecordStore.get_many`."""
        kept = self.of(collection)
        return {record_id: kept[record_id] for record_id in record_ids if record_id in kept}

    def create(
        self, collection: Collection, record: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        """As `RecordStore.create`."""
        check_created(collection, record)
        layout_of(collection).item(record)  # what could not be stored is refused here too
        with self.lock:
            if record.id in self.of(collection):
                raise exists()
            self._claim(collection, None, record)
            self._pass_gates([Write(collection, None, record)])
            self.keep(collection, record)
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
        with self.lock:
            self.expect(collection, before)
            self._claim(collection, before, after)
            self._pass_gates([Write(collection, before, after)])
            self.keep(collection, after)
            self.written.extend(also)

    def delete(
        self, collection: Collection, before: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        """As `RecordStore.delete`."""
        with self.lock:
            self.expect(collection, before)
            self._claim(collection, before, None)
            self._drop(collection, before.id)
            self.written.extend(also)

    def write(self, writes: Sequence[Write], *, also: Sequence[dict[str, Any]] = ()) -> None:
        """As `RecordStore.write`."""
        # The requests are made for what they refuse: sizes, and values taken twice.
        parts = self._requests.parts(writes, together=True)
        check_size(writes, len(parts) + len(also))
        with self.lock:
            for position, write in enumerate(writes):
                try:
                    self._check(write)
                except CoveyError as error:
                    raise WriteRefused(position, error) from error
            claims = self._claims_after(writes)
            self._pass_gates(writes)
            self.claims = claims
            for write in writes:
                if write.after is None:
                    self._drop(write.collection, write.id)
                else:
                    self.keep(write.collection, write.after)
            self.written.extend(also)

    def _claims_after(self, writes: Sequence[Write]) -> dict[keys.Key, str]:
        claims = dict(self.claims)
        for write in writes:
            staying = {claim.key for claim in _claims_of(write.collection, write.after)}
            for claim in _claims_of(write.collection, write.before):
                if claim.key not in staying and claims.get(claim.key) == write.id:
                    del claims[claim.key]
        for position, write in enumerate(writes):
            held = _claims_of(write.collection, write.before)
            for claim in _claims_of(write.collection, write.after):
                if claim not in held and claims.setdefault(claim.key, write.id) != write.id:
                    raise WriteRefused(position, taken(claim))
        return claims

    def _check(self, write: Write) -> None:
        if write.before is not None:
            self.expect(write.collection, write.before)
        elif write.after is not None:
            check_created(write.collection, write.after)
            if write.id in self.of(write.collection):
                raise exists()

    def list(self, collection: Collection, query: Query, accept: Callable[[Record], bool]) -> Page:
        """As `RecordStore.list`."""
        return self._lister.page(collection, query, accept)

    def near(
        self,
        collection: Collection,
        query: Query,
        circle: Circle,
        accept: Callable[[Record], bool],
    ) -> Nearby:
        """As `RecordStore.near`."""
        return self._neighbours.page(collection, query, circle, accept)

    def tally(
        self, collection: Collection, query: Query, accept: Callable[[Record], bool], now_s: int
    ) -> Tally:
        """As `RecordStore.tally`."""
        return self._lister.tally(collection, query, accept, now_s)

    def counted(self, plan: Plan, budget: int, now_s: int) -> Tally:
        """As `Source.counted`."""
        entries = [
            entry[1]
            for shard in keys.shards(plan.collection)
            for entry in self._entries(plan, shard)[: budget + 1]
        ]
        alive = [one for one in entries if one and (one.expires is None or one.expires > now_s)]
        if len(entries) > budget:
            return Tally(len(alive), len(entries), complete=False, bounded=plan.bounded)
        return Tally(len(alive), len(entries), complete=True)

    def explain(self, collection: Collection, query: Query) -> dict[str, Any]:
        """As `RecordStore.explain`."""
        return explained(collection, query)

    def find_unique(
        self, collection: Collection, fields: tuple[str, ...], values: tuple[Any, ...]
    ) -> str | None:
        """As `RecordStore.find_unique`."""
        if None in values:
            return None
        return self.claims.get(layout_of(collection).claim_key(fields, values))

    def passed(self, to: str, record_id: str) -> int:
        """As `RecordStore.passed`."""
        return self._gates.get((to, record_id), (0, None))[0]

    def referrers(
        self, collection: Collection, field: Field, target: str, after: str, limit: int
    ) -> Sequence[str]:
        """As `RecordStore.referrers`."""
        found = [
            record.id
            for record in list(self.of(collection).values())
            if record.id > after and target in target_ids(field, record.values.get(field.name))
        ]
        return sorted(found)[:limit]

    def count(self, collection: Collection) -> int:
        """As `RecordStore.count`."""
        return len(self.of(collection))

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
        with self.lock:
            if key in self._once and self._once[key][1] > self._clock():
                return False
            self._once[key] = (dict(value), expires)
            return True

    def take(self, key: str) -> dict[str, Any] | None:
        """As `RecordStore.take`."""
        with self.lock:
            value, expires = self._once.pop(key, ({}, 0))
        return value if expires > int(self._clock()) else None

    def chunk(self, plan: Plan, shard: int, limit: int, start: int | None) -> Chunk:
        """As `Source.chunk`."""
        first = start or 0
        entries = self._entries(plan, shard)
        more = first + limit if len(entries) > first + limit else None
        return Chunk(entries[first : first + limit], more)

    def _entries(self, plan: Plan, shard: int) -> Sequence[Entry]:
        found = [
            (position, record)
            for record in list(self.of(plan.collection).values())
            if (position := self._position(plan, shard, record)) is not None
            and plan.low <= position <= plan.high
        ]
        return sorted(found, key=lambda entry: entry[0], reverse=plan.reverse)

    def point(self, plan: Plan, values: tuple[object, ...]) -> Record | None:
        """As `Source.point`."""
        if plan.point == ("id",):
            return self.get(plan.collection, str(values[0]))
        found = self.find_unique(plan.collection, plan.point, values)
        return None if found is None else self.get(plan.collection, found)

    def _position(self, plan: Plan, shard: int, record: Record) -> bytes | None:
        """Where a plan finds a record: by the entries that were written, as in the table."""
        if plan.index is None:
            here = keys.shard_of(plan.collection, record.id, record.created) == shard
            return plan.position(record) if here else None
        hashed, ranged = keys.slot_attributes(plan.index.slot)
        slots = self._slots[plan.collection.name][record.id]
        return slots[ranged] if slots.get(hashed) == plan.slot_key(shard) else None

    def of(self, collection: Collection) -> dict[str, Record]:
        """The records of a collection, by id."""
        return self._records.setdefault(collection.name, {})

    def keep(self, collection: Collection, record: Record) -> None:
        """Put a record and its entries there, whatever was there before."""
        self.of(collection)[record.id] = record
        slots = self._slots.setdefault(collection.name, {}).setdefault(record.id, {})
        slots |= layout_of(collection).slots(record)

    def _pass_gates(self, writes: Sequence[Write]) -> None:
        gates = dict(self._gates)
        for write in writes:
            layout = layout_of(write.collection)
            held, wanted = (
                {(r.to, r.target, r.field) for r in layout.references(one)} if one else set()
                for one in (write.before, write.after)
            )
            for to, target, _ in wanted - held:
                passed, closed = gates.get((to, target), (0, None))
                seen = write.guard.seen.get((to, target))
                if seen is not None and closed is not None and closed > seen:
                    raise Conflict("What is referred to has changed meanwhile.")
                gates[to, target] = passed + 1, closed
        for write in writes:
            self._close(write, gates)
        self._gates = gates

    def reopen(self, to: str, target: str) -> None:
        """Let others refer to a record again that was removed and is back."""
        self._gates[to, target] = self.passed(to, target), None

    def _close(self, write: Write, gates: dict[tuple[str, str], tuple[int, int | None]]) -> None:
        if write.guard.closed is None:
            return
        key = (write.collection.name, write.id)
        before = self._gates.get(key, (0, None))[0]
        if write.guard.passed not in (None, before):
            raise Conflict("What is referred to has changed meanwhile.")
        gates[key] = before, write.guard.closed

    def _drop(self, collection: Collection, record_id: str) -> None:
        del self.of(collection)[record_id]
        del self._slots[collection.name][record_id]

    def slots(self, collection: Collection, record_id: str) -> dict[str, bytes]:
        """The entries that a record has, by attribute."""
        return self._slots[collection.name][record_id]

    def rewrite(self, collection: Collection, record: Record, slots: dict[str, bytes]) -> None:
        """Replace a record's entries and expiry, as a build does."""
        self.of(collection)[record.id] = record
        self._slots[collection.name][record.id] = slots

    def expect(self, collection: Collection, before: Record) -> None:
        """Raise what a write raises when the record is not as it was."""
        current = self.of(collection).get(before.id)
        if current is None:
            raise NotFound("record")
        if current.version != before.version:
            raise Conflict("The record has changed meanwhile.")

    def _claim(self, collection: Collection, before: Record | None, after: Record | None) -> None:
        held, wanted = _claims_of(collection, before), _claims_of(collection, after)
        owner = next(record.id for record in (before, after) if record is not None)
        new = [claim for claim in wanted if claim not in held]
        for claim in new:
            if self.claims.get(claim.key, owner) != owner:
                raise taken(claim)
        staying = {claim.key for claim in wanted}
        for claim in held:
            if claim.key not in staying and self.claims.get(claim.key) == owner:
                del self.claims[claim.key]
        self.claims.update((claim.key, owner) for claim in new)


def _claims_of(collection: Collection, record: Record | None) -> list[Claim]:
    return [] if record is None else layout_of(collection).claims(record)
