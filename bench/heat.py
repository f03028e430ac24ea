"""20,000 creates a second through the real keys, onto DynamoDB's partition keys.

    python -m bench.heat --seconds 10 --write

Authors, and so the values of an index, follow Zipf's law; the key functions, the layout of items
and the plans of lists are the store's own. What each partition key of the table and of every index
is asked for in each second is counted, beside what DynamoDB serves: no database is needed.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.report import markdown, text
from covey.collections.document import load
from covey.collections.model import Collection, Epoch
from covey.collections.scope import types
from covey.expressions import check, parse
from covey.records.ids import IdMaker
from covey.records.model import Record
from covey.records.ports import Query
from covey.store import keys
from covey.store.codec import Item
from covey.store.heat import READS_PER_KEY, WRITES_PER_KEY, recommended_shards, write_units
from covey.store.layout import layout_of
from covey.store.records import DynamoRecordStore

PAGE = Path(__file__).parent / "heat.md"
START = 1_800_000_000_000
AUTHORS, EXPONENT = 100_000, 1.1
RATE, GETS, LISTS = 20_000, 20_000, 1_000  # a second
LIFETIME = 3_600  # seconds until a record expires
DOCUMENT = {
    "name": "events",
    "fields": {
        "author": {"type": "text"},
        "kind": {"type": "choice", "choices": ["view", "buy"]},
        "score": {"type": "integer"},
        "text": {"type": "text"},
        "until": {"type": "datetime", "expires": True},
    },
    "rules": {"read": "true"},
    "indexes": [["author", "-created"], ["kind", "-created"], ["-score"]],
}


@dataclass
class Heat:
    """Units by second, index ("table" for none) and partition key."""

    writes: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    reads: Counter[tuple[int, str, str]] = field(default_factory=Counter)

    def hottest(self) -> dict[str, tuple[float, float]]:
        """The most that one partition key was asked to write and to read in one second."""
        found: dict[str, tuple[float, float]] = {}
        for number, counted in enumerate((self.writes, self.reads)):
            for (_, index, _), units in counted.items():
                most = list(found.get(index, (0.0, 0.0)))
                most[number] = max(most[number], units)
                found[index] = (most[0], most[1])
        return dict(sorted(found.items(), key=lambda one: (one[0] != "table", one[0])))

    def served(self) -> bool:
        """Whether no partition key was asked for more than DynamoDB serves."""
        return max(self.writes.values()) <= WRITES_PER_KEY and (
            max(self.reads.values(), default=0) <= READS_PER_KEY
        )


class Watched:
    """A transport that answers nothing and counts what its queries may read of each key."""

    def __init__(self, heat: Heat, item_bytes: int) -> None:
        self._heat = heat
        self._bytes = item_bytes
        self.second = 0

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "Query":
            key = next(iter(request["ExpressionAttributeValues"][":h"].values()))
            units = -(-request["Limit"] * self._bytes // 4_096) * 0.5
            self._heat.reads[self.second, request.get("IndexName", "table"), key] += units
        return {"Items": [], "Count": 0, "ScannedCount": 0}


def simulate(shards: int, seconds: int, *, rate: int = RATE, seed: int = 1) -> Heat:
    """What some seconds of creates, gets and lists ask of each partition key."""
    chance = random.Random(seed)
    collection = replace(load(DOCUMENT), schedule=(Epoch(0, shards),))
    layout = layout_of(collection)
    heat = Heat()
    ids: list[str] = []
    item: Item = {}
    authors = zipf(chance)
    for record in records(chance, authors, rate, seconds):
        second = (record.created - START) // 1_000
        item = layout.item(record)
        for index, key, units in written(item):
            heat.writes[second, index, key] += units
        ids.append(record.id)
    for second in range(seconds):
        for one in chance.choices(ids, k=GETS):
            heat.reads[second, "table", keys.record(collection, one)[0]] += 0.5
    lists(collection, Watched(heat, size(item)), authors, seconds)
    return heat


def records(
    chance: random.Random, authors: Iterator[str], rate: int, seconds: int
) -> Iterator[Record]:
    """`rate` records a second of 0.8 KB."""
    ids = IdMaker()
    for number in range(rate * seconds):
        created = START + number * 1_000 // rate
        values = {
            "author": next(authors),
            "kind": chance.choice(("view", "view", "view", "buy")),
            "score": chance.randrange(1_000_000),
            "text": "x" * 550,
            "until": "2028-01-01T00:00:00.000Z",
        }
        expires = created // 1_000 + LIFETIME
        yield Record(ids.make(created), created, created, 1, values, expires)


def zipf(chance: random.Random) -> Iterator[str]:
    """Authors by Zipf's law: the n-th most active writes in proportion to n ** -EXPONENT."""
    weights = list(itertools.accumulate(rank**-EXPONENT for rank in range(1, AUTHORS + 1)))
    while True:
        for number in chance.choices(range(AUTHORS), cum_weights=weights, k=10_000):
            yield f"author{number:06d}"


def written(item: Item) -> Iterator[tuple[str, str, int]]:
    """Index, partition key and write units of each entry that a new item makes."""
    whole = write_units(size(item))
    yield "table", item["pk"]["S"], whole
    for number in keys.SLOTS:
        hashed, _ = keys.slot_attributes(number)
        if hashed in item:
            units = whole if number in keys.COVERING_SLOTS else 1
            yield keys.slot(number), item[hashed]["B"], units
    if "xb" in item:
        yield keys.EXPIRY_INDEX, item["xb"]["S"], 2  # made, and removed when its time has come


def size(item: Item) -> int:
    """The bytes of an item, about as DynamoDB counts them."""
    return sum(len(name) + _size(value) for name, value in item.items())


def _size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "M":
        return 3 + sum(len(name) + 1 + _size(one) for name, one in content.items())
    if kind == "B":
        return len(content) * 3 // 4
    return len(str(content).encode())


def lists(collection: Collection, transport: Watched, authors: Iterator[str], seconds: int) -> None:
    """Pages of 30 of authors by how active they are, newest first, planned by the store."""
    store = DynamoRecordStore(transport, "covey-records")
    known = types(collection, old=False)
    for second in range(seconds):
        transport.second = second
        for author in itertools.islice(authors, LISTS):
            where = check(parse(f'author == "{author}"'), known)
            store.list(collection, Query(where=where, bounded_by_caller=True), lambda _: True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.heat")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args()
    advised = recommended_shards(RATE, 1_024, skews=(0.2, 0.75, 1.0))
    heats = {shards: simulate(shards, asked.seconds) for shards in (1, 8, advised)}
    rows = table(heats)
    print(text(rows))
    if asked.write:
        PAGE.write_text(page(rows, advised, asked.seconds), encoding="utf-8")
    sys.exit(not heats[advised].served() or heats[1].served())


def table(heats: Mapping[int, Heat]) -> list[list[str]]:
    """The hottest partition key of the table and of each index, by the number of shards."""
    rows = [["shards", "keys of", "write units/s", "read units/s", "served"]]
    for shards, heat in heats.items():
        for index, (writes, reads) in heat.hottest().items():
            fits = writes <= WRITES_PER_KEY and reads <= READS_PER_KEY
            rows.append(
                [str(shards), index, f"{writes:,.0f}", f"{reads:,.0f}", "yes" if fits else "NO"]
            )
    return rows


def page(rows: list[list[str]], advised: int, seconds: int) -> str:
    return f"""# Heat

Written by `python -m bench.heat --seconds {seconds} --write`. Each second has {RATE:,} creates of
0.8 KB, by {AUTHORS:,} authors after Zipf's law (exponent {EXPONENT}), {GETS:,} gets of random
records and {LISTS:,} pages of 30 of an author, the busy ones as often as they write. The indexes
are `[author, -created]` (slot-0), `[kind, -created]` with three records in four of one kind
(slot-1) and `[-score]` (slot-2); each record also expires. The keys, the items and the plans of the
lists are made by the store's own code.

The table has the most that any one partition key was asked for in any one second. DynamoDB serves
{WRITES_PER_KEY:,} write units and {READS_PER_KEY:,} read units a second on each. `covey shards
--creates {RATE}` recommends {advised} shards for this.

{markdown(rows)}

An index's entry lies in the shard of its record, so that not even a value that every record has is
hotter than the table itself. Expiry has buckets of its own, which all collections share.
"""


if __name__ == "__main__":
    main()
