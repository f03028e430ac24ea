"""Searching and finding what is near, by size: ``python -m bench.search 1000 5000``.

Texts of some 40 words out of 5,000 by Zipf's law, places over Germany; a data engine in memory.
Prints what indexing and each query took and cost, within this process.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any

from bench.engine import table
from bench.report import text
from covey.collections.document import load
from covey.identity.principal import Kind, Principal
from covey.insight import meter
from covey.records.ids import created_of
from covey.records.model import Record
from covey.wiring import services

ADMIN = Principal(Kind.ADMINISTRATOR, id="root")
NOTES = {
    "name": "notes",
    "fields": {"title": {"type": "text"}, "body": {"type": "text"}, "place": {"type": "geo"}},
    "search": {"fields": {"title": 3, "body": 1}, "language": "english"},
    "geo": ["place"],
}
VOCABULARY = 5_000
QUERIES = {
    "a rare word": {"q": "w4000"},
    "a word of some": {"q": "w100"},
    "the commonest word": {"q": "w0"},
    "a common and a rare word": {"q": "w0 w4000"},
    "three words": {"q": "w1 w10 w100"},
    "any of three words": {"q": "w10 w100 w1000", "mode": "any"},
    "a beginning": {"q": "w400*"},
}
NEAR = {"near, 1 km": 1, "near, 20 km": 20, "near, 500 km": 500}
BATCH = 100


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.search")
    parser.add_argument("sizes", nargs="*", type=int, default=[1_000])
    sizes = parser.parse_args().sizes
    for size in sizes:
        with table():
            print(text(measured(size)))


def measured(size: int) -> list[list[str]]:
    """The table of one size, its head first."""
    services().catalog.save(load(NOTES))
    rows = [[f"{size} records", "ms", "read units", "write units", "found"], indexed(size)]
    finder, records = services().finder, services().records
    for name, asked in QUERIES.items():
        rows.append(timed(name, lambda asked=asked: finder.search(ADMIN, "notes", asked).items))
    for name, km in NEAR.items():
        where = {"filter": f"near(place, 50, 10, {km})"}
        rows.append(timed(name, lambda where=where: records.list(ADMIN, "notes", where).items))
    return rows


def indexed(size: int) -> list[str]:
    """Write the records, then index them; the averages of one."""
    chance = random.Random(size)
    weights = list(accumulate(1 / (rank + 1) for rank in range(VOCABULARY)))
    words = [f"w{rank}" for rank in range(VOCABULARY)]
    notes, store, ids = services().catalog.get("notes"), services().record_store, []
    for _ in range(size):
        made = store.new_id(notes)
        said = chance.choices(words, cum_weights=weights, k=44)
        place = {"lat": degrees(chance, 47, 55), "lon": degrees(chance, 6, 15)}
        values = {"title": " ".join(said[:4]), "body": " ".join(said[4:]), "place": place}
        store.create(notes, Record(made, created_of(made), created_of(made), 1, values))
        ids.append(made)
    meter.reset()
    began = time.perf_counter()
    for at in range(0, size, BATCH):
        services().search_indexer.index(notes, ids[at : at + BATCH])
    took, spent = time.perf_counter() - began, meter.read()
    shares = [1000 * took / size, spent.rru / size, spent.wru / size]
    return ["index one", *(f"{share:.1f}" for share in shares), ""]


def degrees(chance: random.Random, low: int, high: int) -> Decimal:
    return Decimal(f"{chance.uniform(low, high):.5f}")


def timed(name: str, query: Callable[[], Sequence[Any]], rounds: int = 9) -> list[str]:
    query()
    took = []
    for _ in range(rounds):
        meter.reset()
        began = time.perf_counter()
        found = query()
        took.append(1000 * (time.perf_counter() - began))
    spent = meter.read()
    return [
        name,
        f"{statistics.median(took):.1f}",
        f"{spent.rru:g}",
        f"{spent.wru:g}",
        str(len(found)),
    ]


if __name__ == "__main__":
    main()
