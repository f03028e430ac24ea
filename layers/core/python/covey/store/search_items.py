"""Steps of the search's upkeep as items of transactions.

A step is a mark, a posting per term that is put or taken away, and counts: one per word that
came or went, one for the totals. Counts of several records add up, so that small steps share
transactions.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from covey.collections.model import Collection
from covey.search.contents import Contents, Term
from covey.search.ports import Mark, Step
from covey.search.ranking import impact
from covey.store import codec, keys
from covey.store.codec import Item
from covey.store.transaction import MAX_ITEMS
from covey.store.writing import NEW, key_item

KEEP = 30 * 86_400  # seconds that the mark of a record that is gone stays: longer than streams do

Counts = dict[keys.Key, Counter[str]]


class Work:
    """One transaction in the making."""

    def __init__(self, collection: Collection, table: str, now: int) -> None:
        self.steps: list[Step] = []
        self._collection = collection
        self._table = table
        self._now = now
        self._items: list[dict[str, Any]] = []
        self._counts: Counts = {}

    def add(self, step: Step) -> bool:
        """Take a step in; False when there is no more room."""
        items = [self._mark(step), *self._postings(step)]
        counts = _counts(self._collection.name, step)
        new = sum(key not in self._counts for key in counts)
        if self.steps and len(self._items) + len(items) + len(self._counts) + new > MAX_ITEMS:
            return False
        self.steps.append(step)
        self._items += items
        for key, count in counts.items():
            self._counts.setdefault(key, Counter()).update(count)
        return True

    def items(self) -> list[dict[str, Any]]:
        """The TransactItems."""
        counts = [
            self._add(key, count) for key, count in self._counts.items() if any(count.values())
        ]
        return [*self._items, *counts]

    def apart(self) -> Iterator[Work]:
        """Each step as work of its own."""
        for step in self.steps:
            alone = Work(self._collection, self._table, self._now)
            alone.add(step)
            yield alone

    def _mark(self, step: Step) -> dict[str, Any]:
        after, revision = step.after, step.before.revision
        item: Item = {
            **key_item(keys.search_mark(self._collection, step.id)),
            "r": {"N": str(after.revision)},
            "g": {"N": str(after.generation)},
            "h": {"N": str(after.shard)},
            "t": codec.binary(_packed(after.contents)),
        }
        if step.gone:
            item["x"] = {"N": str(self._now + KEEP)}
        put: dict[str, Any] = {"TableName": self._table, "Item": item, "ConditionExpression": NEW}
        if revision:
            put["ConditionExpression"] = "r = :r"
            put["ExpressionAttributeValues"] = {":r": {"N": str(revision)}}
        return {"Put": put}

    def _postings(self, step: Step) -> Iterator[dict[str, Any]]:
        name, before, after = self._collection.name, step.before, step.after
        shard = after.shard
        for term in _changed(step):
            key, word = term
            old, new = before.contents.terms.get(term), after.contents.terms.get(term)
            generation = before.generation if new is None else after.generation
            pk = keys.posting(name, generation, key, shard, word)
            place = None if new is None else keys.posting_place(impact(*new), step.id)
            if old is not None:
                former = keys.posting_place(impact(*old), step.id)
                if former != place:
                    yield {"Delete": {"TableName": self._table, "Key": key_item((pk, former))}}
            if new is not None and place is not None:
                item = {
                    **key_item((pk, place)),
                    "f": {"N": str(new[0])},
                    "l": {"N": str(new[1])},
                }
                yield {"Put": {"TableName": self._table, "Item": item}}

    def _add(self, key: keys.Key, count: Counter[str]) -> dict[str, Any]:
        names = {f"#{at}": name for at, name in enumerate(count)}
        values = {f":{at}": {"N": str(number)} for at, number in enumerate(count.values())}
        return {
            "Update": {
                "TableName": self._table,
                "Key": key_item(key),
                "UpdateExpression": "ADD " + ", ".join(f"#{at} :{at}" for at in range(len(count))),
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
            }
        }


def grouped(collection: Collection, steps: Sequence[Step], table: str, now: int) -> Iterator[Work]:
    """The steps in as few transactions as they fit in, in order."""
    work = Work(collection, table, now)
    for step in steps:
        if not work.add(step):
            yield work
            work = Work(collection, table, now)
            work.add(step)
    if work.steps:
        yield work


def words_left(collection: Collection, steps: Sequence[Step]) -> list[keys.Key]:
    """The words that records have no more: some may be without any record now."""
    return [
        keys.search_word(collection.name, step.before.generation, key, step.after.shard, word)
        for step in steps
        for key, word in step.before.contents.terms.keys() - step.after.contents.terms.keys()
    ]


def mark_of(collection: Collection, record_id: str, item: Item | None) -> Mark:
    """The mark of an item; without one that of a record that was never indexed."""
    if item is None:
        return Mark(shard=keys.search_shard(collection, record_id))
    return Mark(
        int(item["r"]["N"]),
        int(item["g"]["N"]),
        _unpacked(b64decode(item["t"]["B"])),
        int(item["h"]["N"]),
    )


def _changed(step: Step) -> list[Term]:
    before, after = step.before.contents.terms, step.after.contents.terms
    return [term for term in {**before, **after} if before.get(term) != after.get(term)]


def _counts(name: str, step: Step) -> Counts:
    """By the key of a counter, what to add to which of its attributes."""
    before, after, shard = step.before, step.after, step.after.shard
    counts: Counts = {}
    for term in before.contents.terms.keys() ^ after.contents.terms.keys():
        came = term in after.contents.terms
        generation = after.generation if came else before.generation
        key = keys.search_word(name, generation, term[0], shard, term[1])
        counts[key] = Counter(n=1 if came else -1)
    for mark, sign in ((before, -1), (after, 1)):
        where = keys.search_texts(name, mark.generation, shard), keys.search_lane(step.id)
        for field, length in mark.contents.lengths.items():
            count = counts.setdefault(where, Counter())
            count.update({f"n{field}": sign, f"l{field}": sign * length})
    return {
        key: Counter({name: number for name, number in count.items() if number})
        for key, count in counts.items()
        if any(count.values())
    }


def _packed(contents: Contents) -> bytes:
    terms: dict[str, dict[str, tuple[int, int]]] = {}
    for (key, word), place in contents.terms.items():
        terms.setdefault(key, {})[word] = place
    text = json.dumps([terms, dict(contents.lengths)], ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode())


def _unpacked(packed: bytes) -> Contents:
    terms, lengths = json.loads(zlib.decompress(packed))
    return Contents(
        {(key, word): (n[0], n[1]) for key, words in terms.items() for word, n in words.items()},
        lengths,
    )
