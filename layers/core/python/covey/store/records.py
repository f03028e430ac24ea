"""Records in DynamoDB: the record store of the domain's port."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex
from typing import Any

from covey.collections.model import Collection
from covey.errors import NotFound, TooLarge, Unavailable
from covey.records import ids
from covey.records.model import Record
from covey.records.nearness import Circle
from covey.records.ports import Nearby, Page, Query, Tally, Write, WriteRefused
from covey.store import codec, keys
from covey.store.codec import Item
from covey.store.cursor import Cursors
from covey.store.explaining import explained
from covey.store.faults import ConditionFailed, Reason
from covey.store.layout import Claim, Layout, Reference, layout_of
from covey.store.listing import Lister
from covey.store.nearby import Neighbours
from covey.store.outcomes import DomainTransport
from covey.store.reader import Reader
from covey.store.secret import secret
from covey.store.transaction import transact, untold
from covey.store.transport import Transport
from covey.store.writing import NEW, Requests, check_size, exists, key_item, lost


class DynamoRecordStore(Reader):
    """`RecordStore` over one table."""

    def __init__(
        self,
        transport: Transport,
        table: str,
        *,
        clock: Callable[[], float] = time.time,
        make_id: Callable[[], str] | None = None,
    ) -> None:
        transport = DomainTransport(transport)
        super().__init__(transport, table)
        self._clock = clock
        self._requests = Requests(table)
        self._make_id = make_id or ids.IdMaker().make
        cursors = Cursors(secret(transport, table, "cursor"), clock)
        self._lister = Lister(self, cursors)
        self._neighbours = Neighbours(self, cursors)

    def new_id(self, collection: Collection) -> str:
        """As `RecordStore.new_id`."""
        return self._make_id()

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

    def explain(self, collection: Collection, query: Query) -> dict[str, Any]:
        """As `RecordStore.explain`."""
        return explained(collection, query)

    def create(
        self, collection: Collection, record: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        """As `RecordStore.create`."""
        layout = layout_of(collection)
        check_created(collection, record)
        if layout.claims(record) or layout.references(record) or also:
            parts = self._requests.parts([Write(collection, None, record)])
            transact(self._transport, parts, also)
            return
        try:
            self._transport.call("PutItem", self._requests.create(layout, record))
        except ConditionFailed as fault:
            if not (fault.uncertain and _is(layout, fault.item, record)):
                raise exists() from fault

    def update(
        self,
        collection: Collection,
        before: Record,
        after: Record,
        *,
        also: Sequence[dict[str, Any]] = (),
    ) -> None:
        """As `RecordStore.update`."""
        layout = layout_of(collection)
        if _bound(layout, before) != _bound(layout, after) or also:
            parts = self._requests.parts([Write(collection, before, after)])
            transact(self._transport, parts, also)
            return
        try:
            self._transport.call("UpdateItem", self._requests.update(layout, before, after))
        except ConditionFailed as fault:
            if fault.uncertain and _is(layout, fault.item, after):
                return
            if fault.uncertain and _is_beyond(layout, fault.item, after):
                raise untold() from fault
            raise lost(Reason(fault.code, fault.item)) from fault

    def delete(
        self, collection: Collection, before: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        """As `RecordStore.delete`."""
        layout = layout_of(collection)
        if layout.claims(before) or layout.references(before) or also:
            parts = self._requests.parts([Write(collection, before, None)])
            transact(self._transport, parts, also)
            return
        try:
            self._transport.call("DeleteItem", self._requests.delete(layout, before))
        except ConditionFailed as fault:
            if not (fault.uncertain and fault.item is None):
                raise lost(Reason(fault.code, fault.item)) from fault

    def write(self, writes: Sequence[Write], *, also: Sequence[dict[str, Any]] = ()) -> None:
        """As `RecordStore.write`."""
        for write in writes:
            if write.before is None and write.after is not None:
                check_created(write.collection, write.after)
        parts = self._requests.parts(writes, together=True)
        if parts or also:
            sizes = check_size(writes, len(parts) + len(also), also)
            try:
                transact(self._transport, parts, also)
            except TooLarge as error:  # of one record: DynamoDB names it in words only
                if not sizes:
                    raise
                raise WriteRefused(sizes.index(max(sizes)), error) from error

    def put_once(self, key: str, value: Mapping[str, Any], expires: int) -> bool:
        """As `RecordStore.put_once`."""
        # The random part tells our own item from another's when a send had to be repeated.
        mark = {"S": token_hex(8)}
        item = {
            **key_item(keys.once(key)),
            "w": codec.encode(value),
            "x": codec.encode(expires),
            "n": mark,
        }
        put = self._requests.put(item, f"{NEW} OR x <= :n")
        put["ExpressionAttributeValues"] = {":n": codec.encode(int(self._clock()))}
        try:
            self._transport.call("PutItem", put)
        except ConditionFailed as fault:
            return fault.uncertain and fault.item is not None and fault.item.get("n") == mark
        return True

    def take(self, key: str) -> dict[str, Any] | None:
        """As `RecordStore.take`."""
        request = {
            "TableName": self._table,
            "Key": key_item(keys.once(key)),
            "ConditionExpression": "x > :n",
            "ExpressionAttributeValues": {":n": codec.encode(int(self._clock()))},
            "ReturnValues": "ALL_OLD",
        }
        try:
            answer = self._transport.call("DeleteItem", request)
        except ConditionFailed:
            return None
        value: dict[str, Any] = codec.decode(answer["Attributes"]["w"])
        return value


def _bound(layout: Layout, record: Record) -> set[Claim | Reference]:
    """What is written together with a record."""
    return {*layout.claims(record), *layout.references(record)}


def check_created(collection: Collection, record: Record) -> None:
    """Hold a writer to the time inside an auto id: reads take it from there.

    Raises Unavailable where the catalog is older than the notice that changes of the shards give:
    the record might be put where nobody looks for it.
    """
    if not keys.holds(collection, record.id):
        raise NotFound("record")
    if collection.ids == "auto" and ids.created_of(record.id) != record.created:
        raise ValueError("created must be the millisecond of the id: covey.records.ids.created_of")
    if collection.known_until is not None and record.created > collection.known_until:
        raise Unavailable("The catalog is out of date.")


def _is_beyond(layout: Layout, item: Item | None, record: Record) -> bool:
    """Whether others have written since: the record may be among what they built upon."""
    found = None if item is None else layout.record(item)
    return found is not None and found.version > record.version


def _is(layout: Layout, item: Item | None, record: Record) -> bool:
    return item is not None and layout.record(item) == record
