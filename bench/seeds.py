"""The records that requests are measured on: groups that grow with the collection."""

from __future__ import annotations

import csv
import io
import random
import time
from collections.abc import Iterator
from urllib.parse import quote

from infra.cli.client import Client

GROUPS = 100
TEXT = 200  # characters beside the short fields; about 0.3 KB a record


def rows(first: int, last: int) -> Iterator[tuple[str, int, str, str]]:
    """Group, rank, name and text of the records from `first` up to `last`."""
    for number in range(first, last):
        chance = random.Random(number)
        text = f"{chance.getrandbits(4 * TEXT):0{TEXT}x}"
        yield f"g{number % GROUPS:03d}", chance.randrange(1_000_000), f"Item {number}", text


def load(client: Client, first: int, last: int) -> float:
    """Import these records as a job; returns rows per second. Raises for a row that failed."""
    content = io.StringIO()
    writer = csv.writer(content)
    writer.writerow(("group", "rank", "name", "text"))
    writer.writerows(rows(first, last))
    started = time.perf_counter()
    job = client.load("items", content.getvalue().encode(), {"format": "csv"})
    if job["failed"] or job["done"] != last - first:
        raise RuntimeError(f"{job['failed']} rows failed: {job['report'][:3]}")
    return (last - first) / (time.perf_counter() - started)


def some_ids(client: Client, total: int, wanted: int = 2_000) -> list[str]:
    """Ids from all over the collection: every n-th in the order of creation."""
    step = max(1, total // wanted)
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        after = f"&cursor={quote(cursor)}" if cursor else ""
        page = client.call("GET", f"/records/items?fields=id&limit=200{after}")
        found += [item["id"] for item in page["items"]]
        cursor = page["next"]
    return found[::step]
