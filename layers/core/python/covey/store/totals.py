"""Marks and totals in DynamoDB: what records add to aggregates, changed in one transaction.

A mark holds what the totals have of a record (`c`, by aggregate), the sequence number of the
change that said so (`s`) and a revision (`r`), which is the transaction's condition. Totals are
only ever added to (`n` records; per field `m_…` values and the limbs `s_…_…` of their sum), so
that writers of one group need not read it, and only meet in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from covey.aggregates.ports import Held, Mark, Step, TooManyGroupsError, Total
from covey.aggregates.shares import Scalar, Shares
from covey.collections.model import Aggregate, Collection
from covey.errors import Conflict
from covey.store import amounts, codec, encoding, keys
from covey.store.codec import Item
from covey.store.deltas import Chunk, chunks
from covey.store.faults import ConditionFailed, Throttled, TransactionCancelled
from covey.store.outcomes import DomainTransport
from covey.store.shares import decoded_mark, group_prefix, held_of
from covey.store.transport import Attempts, Transport
from covey.store.writing import key_item

BATCH = 100  # keys of one BatchGetItem
DELETES = 25  # items of one BatchWriteItem
FORGOTTEN_AFTER = 30 * 86_400  # seconds that the mark of a deleted record stays: see `Totals`
_FAILED = "ConditionalCheckFailed"


class DynamoTotals:
    """`Totals` over one table."""

    def __init__(
        self, transport: Transport, table: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._transport = DomainTransport(transport)
        self._table = table
        self._clock = clock

    def marks(self, collection: Collection, ids: Sequence[str]) -> dict[str, Mark]:
        """As `Totals.marks`."""
        found = {one: Mark(one) for one in ids}
        wanted = [keys.mark(collection, one) for one in found]
        for at in range(0, len(wanted), BATCH):
            for item in self._items([key_item(key) for key in wanted[at : at + BATCH]]):
                mark = decoded_mark(item)
                found[mark.id] = mark
        return found

    def held(self, collection: Collection, record_id: str, shares: Shares) -> Mapping[int, Held]:
        """As `Totals.held`."""
        return held_of(record_id, shares)

    def bring(self, collection: Collection, steps: Sequence[Step]) -> list[str]:
        """As `Totals.bring`: 2 write units a mark, a group, a value that comes or goes."""
        moved: list[str] = []
        for chunk in chunks(collection, steps, self._table, int(self._clock()) + FORGOTTEN_AFTER):
            moved += self._written(collection, chunk)
        return moved

    def _written(self, collection: Collection, chunk: Chunk) -> list[str]:
        """Write a chunk without the steps that turn out to be late, whose ids are answered."""
        moved: list[str] = []
        items = chunk.items()
        while items:
            try:
                self._transport.call("TransactWriteItems", {"TransactItems": items})
            except TransactionCancelled as fault:
                late = {
                    step.mark.id
                    for step, reason in zip(chunk.steps, fault.reasons, strict=False)
                    if reason.code == _FAILED
                }
                if not late:
                    raise
                moved += late
                chunk = chunk.without(late)
                items = chunk.items()
            except Conflict:  # others at work on the same groups: they are read again, and late
                return [*moved, *(step.mark.id for step in chunk.steps)]
            else:
                break
        return moved

    def totals(
        self, collection: Collection, aggregate: Aggregate, first: Sequence[Scalar], most: int
    ) -> list[Total]:
        """As `Totals.totals`; 0.5 read units per 4 KB of groups in each lane."""
        folded: dict[str, list[Item]] = {}
        prefix, read = group_prefix(first), 0
        for lane in keys.lanes(collection):
            partition = keys.totals(collection, aggregate.number, lane)
            for item in self._query(partition, prefix):
                read += 1
                if read > most:
                    raise TooManyGroupsError
                folded.setdefault(item["sk"]["S"], []).append(item)
        found = (_total(group, items) for group, items in sorted(folded.items()))
        wanted = tuple(encoding.encode(value) for value in first)
        return [
            total
            for total in found
            if total.count and tuple(map(encoding.encode, total.values[: len(first)])) == wanted
        ]

    def extreme(
        self, collection: Collection, aggregate: Aggregate, group: str, key: str, *, greatest: bool
    ) -> Scalar:
        """As `Totals.extreme`; 0.5 read units."""
        partition = keys.extremes(collection, aggregate.number, group)
        request = self._request(partition, f"{key}.") | {"ScanIndexForward": not greatest}
        items = self._transport.call("Query", request | {"Limit": 1})["Items"]
        if not items:
            return None
        value: Scalar = codec.decode(items[0]["w"])
        return value

    def walk(
        self, collection: Collection, place: str, limit: int
    ) -> tuple[Sequence[Mark], str | None]:
        """As `Totals.walk`; 0.5 read units per 4 KB."""
        partitions = keys.mark_partitions(collection)
        at, _, after = (place or "0:").partition(":")
        number = int(at)
        if number >= len(partitions):
            return [], None
        request = self._request(partitions[number], "") | {"Limit": limit}
        if after:
            request["ExclusiveStartKey"] = key_item((partitions[number], after))
        answer = self._transport.call("Query", request)
        marks = [mark for item in answer["Items"] if (mark := decoded_mark(item)).held]
        if "LastEvaluatedKey" in answer:
            return marks, f"{number}:{answer['LastEvaluatedKey']['sk']['S']}"
        return marks, f"{number + 1}:" if number + 1 < len(partitions) else None

    def clean(self, collection: Collection, limit: int) -> int:
        """As `Totals.clean`."""
        live = {aggregate.number for aggregate in collection.aggregates.values()}
        removed = 0
        for number in range(collection.next_aggregate):
            for lane in keys.lanes(collection):
                partition = keys.totals(collection, number, lane)
                for item in self._query(partition, ""):
                    if removed >= limit:
                        return removed
                    if number not in live:
                        removed += self._drop(collection, number, item)
                    elif item["n"]["N"] == "0":
                        removed += self._drop_empty(item)
        return removed

    # ---- parts

    def _drop(self, collection: Collection, number: int, item: Item) -> int:
        """Remove a group of an aggregate that is no more, its values in order first."""
        partition = keys.extremes(collection, number, item["sk"]["S"])
        due = [{"pk": one["pk"], "sk": one["sk"]} for one in self._query(partition, "")]
        due.append({"pk": item["pk"], "sk": item["sk"]})
        for at in range(0, len(due), DELETES):
            left = [{"DeleteRequest": {"Key": key}} for key in due[at : at + DELETES]]
            attempts = Attempts()
            while left:
                answer = self._transport.call(
                    "BatchWriteItem", {"RequestItems": {self._table: left}}
                )
                before, left = len(left), answer.get("UnprocessedItems", {}).get(self._table, [])
                if len(left) == before:
                    attempts.after(Throttled("UnprocessedItems"))
        return len(due)

    def _drop_empty(self, item: Item) -> int:
        request = {
            "TableName": self._table,
            "Key": {"pk": item["pk"], "sk": item["sk"]},
            "ConditionExpression": "n = :zero",
            "ExpressionAttributeValues": {":zero": {"N": "0"}},
        }
        try:
            self._transport.call("DeleteItem", request)
        except ConditionFailed:  # counted again meanwhile
            return 0
        return 1

    def _items(self, wanted: list[Item]) -> Iterator[Item]:
        attempts = Attempts()
        while wanted:
            request = {self._table: {"Keys": wanted, "ConsistentRead": True}}
            answer = self._transport.call("BatchGetItem", {"RequestItems": request})
            yield from answer["Responses"].get(self._table, [])
            left = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            if len(left) == len(wanted):  # no headway is a throttle
                attempts.after(Throttled("UnprocessedKeys"))
            wanted = left

    def _query(self, partition: str, prefix: str) -> Iterator[Item]:
        request = self._request(partition, prefix)
        while True:
            answer = self._transport.call("Query", request)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _request(self, partition: str, prefix: str) -> dict[str, Any]:
        values = {":p": {"S": partition}}
        condition = "pk = :p"
        if prefix:
            values[":s"] = {"S": prefix}
            condition += " AND begins_with(sk, :s)"
        return {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }


def _total(group: str, items: Sequence[Item]) -> Total:
    """One group out of its lanes."""
    limbs: dict[str, dict[int, int]] = {}
    present: dict[str, int] = {}
    for item in items:
        for name, value in item.items():
            kind, _, rest = name.partition("_")
            if kind == "m" and rest:
                present[rest] = present.get(rest, 0) + int(value["N"])
            elif kind == "s" and rest:
                key, _, at = rest.rpartition("_")
                of = limbs.setdefault(key, {})
                of[int(at)] = of.get(int(at), 0) + int(codec.number_of(value["N"]))
    return Total(
        group,
        tuple(codec.decode(items[0]["g"])),
        sum(int(item["n"]["N"]) for item in items),
        {key: amounts.amount(parts) for key, parts in limbs.items()},
        present,
        max((int(item["u"]["N"]) for item in items if "u" in item), default=0),
        cut=any("k" in item for item in items),
    )
