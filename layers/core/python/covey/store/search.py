"""Postings, words and totals of full-text search in DynamoDB."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from covey.collections.model import Collection
from covey.errors import Conflict
from covey.records.ports import Query
from covey.search.contents import Term
from covey.search.ports import Known, Posting, Step
from covey.store import keys
from covey.store.codec import Item
from covey.store.cursor import Cursors, Position
from covey.store.faults import ConditionFailed, Throttled, TransactionCancelled
from covey.store.layout import layout_of
from covey.store.outcomes import DomainTransport
from covey.store.search_items import Work, grouped, mark_of, words_left
from covey.store.secret import secret
from covey.store.transport import Attempts, Transport
from covey.store.writing import key_item

BATCH = 100  # keys of one BatchGetItem
PAGE = 1_000  # postings asked for at a time
TAG = b"search"  # what a cursor calls the order of a search


class DynamoSearchStore:
    """`SearchStore` over one table."""

    def __init__(
        self, transport: Transport, table: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._transport = DomainTransport(transport)
        self._table = table
        self._clock = clock
        self._cursors = Cursors(secret(self._transport, table, "cursor"), clock)

    def known(self, collection: Collection, ids: Sequence[str]) -> Mapping[str, Known]:
        """As `SearchStore.known`: 1 read unit per 4 KB of each record and each mark."""
        layout = layout_of(collection)
        marks = self._get((keys.search_mark(collection, id) for id in ids), consistent=True)
        found = self._get((layout.key(id) for id in ids), consistent=True)
        return {
            id: Known(
                mark_of(collection, id, marks.get(keys.search_mark(collection, id))),
                layout.record(found[key]) if (key := layout.key(id)) in found else None,
            )
            for id in ids
        }

    def commit(self, collection: Collection, steps: Sequence[Step]) -> Sequence[str]:
        """As `SearchStore.commit`: 2 write units per item, small steps together."""
        lost: list[str] = []
        now = int(self._clock())
        for group in grouped(collection, steps, self._table, now):
            if self._done(group):
                continue
            for alone in group.apart() if len(group.steps) > 1 else ():
                if not self._done(alone):
                    lost += (step.id for step in alone.steps)
            if len(group.steps) == 1:
                lost.append(group.steps[0].id)
        undone = set(lost)
        self._sweep(collection, [step for step in steps if step.id not in undone])
        return lost

    def totals(self, collection: Collection) -> Mapping[str, tuple[int, int]]:
        """As `SearchStore.totals`: half a read unit per shard."""
        found: dict[str, tuple[int, int]] = {}
        for shard in keys.shards(collection):
            pk = keys.search_texts(collection.name, collection.search.since, shard)
            for item in self._query({"pk = :h": {":h": {"S": pk}}}, keys.SEARCH_LANES):
                for name in collection.search.fields:
                    key = collection.fields[name].key
                    records, length = found.get(key, (0, 0))
                    records += int(item.get(f"n{key}", {"N": "0"})["N"])
                    length += int(item.get(f"l{key}", {"N": "0"})["N"])
                    found[key] = records, length
        return found

    def frequencies(self, collection: Collection, terms: Sequence[Term]) -> Mapping[Term, int]:
        """As `SearchStore.frequencies`: half a read unit per term and shard."""
        name, since = collection.name, collection.search.since
        wanted = {
            keys.search_word(name, since, key, shard, word): (key, word)
            for key, word in terms
            for shard in keys.shards(collection)
        }
        found: dict[Term, int] = {}
        for where, item in self._get(wanted, consistent=False).items():
            term = wanted[where]
            if count := int(item["n"]["N"]):
                found[term] = found.get(term, 0) + count
        return found

    def beginning(
        self, collection: Collection, key: str, prefix: str, limit: int
    ) -> tuple[Mapping[str, int], bool]:
        """As `SearchStore.beginning`: half a read unit per some 60 words and shard."""
        found: dict[str, int] = {}
        whole = True
        for shard in keys.shards(collection):
            pk, _ = keys.search_word(collection.name, collection.search.since, key, shard, prefix)
            condition = {"pk = :h AND begins_with(sk, :p)": {":h": {"S": pk}, ":p": {"S": prefix}}}
            items = list(self._query(condition, limit + 1))
            whole = whole and len(items) <= limit
            for item in items[:limit]:
                if count := int(item["n"]["N"]):
                    word = item["sk"]["S"]
                    found[word] = found.get(word, 0) + count
        return found, whole

    def postings(
        self, collection: Collection, term: Term, limit: int
    ) -> tuple[Sequence[Posting], bool]:
        """As `SearchStore.postings`: half a read unit per some 50 postings and shard."""
        (key, word), name, since = term, collection.name, collection.search.since
        streams = [
            self._query(
                {"pk = :h": {":h": {"S": keys.posting(name, since, key, shard, word)}}}, limit + 1
            )
            for shard in keys.shards(collection)
        ]
        merged = heapq.merge(*streams, key=_place) if len(streams) > 1 else streams[0]
        found = [
            Posting(item["sk"]["S"][2:], int(item["f"]["N"]), int(item["l"]["N"]))
            for item in islice(merged, limit + 1)
        ]
        return found[:limit], len(found) <= limit

    def seal(self, collection: Collection, query: Query, place: bytes) -> str:
        """As `SearchStore.seal`."""
        return self._cursors.seal(collection, query, Position(TAG, place))

    def open(self, collection: Collection, query: Query) -> bytes | None:
        """As `SearchStore.open`."""
        position = self._cursors.open(collection, query)
        return None if position is None else position.at

    def _done(self, work: Work) -> bool:
        try:
            self._transport.call("TransactWriteItems", {"TransactItems": work.items()})
        except (Conflict, TransactionCancelled):  # a mark has moved, or others hold an item
            return False
        return True

    def _sweep(self, collection: Collection, steps: Sequence[Step]) -> None:
        """Remove the words that no record has any more: they would be found by beginnings."""
        wanted = words_left(collection, steps)
        found = self._get(wanted, consistent=False) if wanted else {}
        for key, item in found.items():
            if item["n"]["N"] == "0":
                self._remove_word(key)

    def _remove_word(self, key: keys.Key) -> None:
        try:
            self._transport.call(
                "DeleteItem",
                {
                    "TableName": self._table,
                    "Key": key_item(key),
                    "ConditionExpression": "n = :z",
                    "ExpressionAttributeValues": {":z": {"N": "0"}},
                },
            )
        except ConditionFailed:  # some record has it again
            return

    def _query(self, condition: Mapping[str, Item], limit: int) -> Iterator[Item]:
        ((expression, values),) = condition.items()
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": expression,
            "ExpressionAttributeValues": values,
        }
        while limit > 0:
            answer = self._transport.call("Query", {**request, "Limit": min(limit, PAGE)})
            yield from answer["Items"]
            limit -= len(answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _get(self, wanted: Any, *, consistent: bool) -> dict[keys.Key, Item]:
        every = list(dict.fromkeys(wanted))
        found: dict[keys.Key, Item] = {}
        for at in range(0, len(every), BATCH):
            pending = [key_item(key) for key in every[at : at + BATCH]]
            attempts = Attempts()
            while pending:
                asked = {"Keys": pending, "ConsistentRead": consistent}
                answer = self._transport.call(
                    "BatchGetItem", {"RequestItems": {self._table: asked}}
                )
                for item in answer["Responses"].get(self._table, []):
                    found[item["pk"]["S"], item["sk"]["S"]] = item
                left = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
                if len(left) == len(pending):  # no headway is a throttle
                    attempts.after(Throttled("UnprocessedKeys"))
                pending = left
        return found


def _place(item: Item) -> str:
    return str(item["sk"]["S"])
