"""What each operation costs in DynamoDB's units, beside the least that it could.

    python -m bench.units --write

writes docs/reference/costs.md from the consumed capacity that the data engine reports; a test holds
the page to it. The engine counts as DynamoDB does: a read unit is 4 KB read consistently, half of
one else; a write unit is 1 KB of the table and of each index entry, twice that in a transaction.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.engine import table
from bench.heat import size
from bench.report import markdown, text
from covey import batch, records
from covey.collections.document import load
from covey.data import Access
from covey.insight import meter
from covey.pipeline.told import Told
from covey.records.model import Change, ChangeKind
from covey.records.ports import Query
from covey.store.layout import layout_of
from covey.wiring import services

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "costs.md"
INDEXES: Sequence[list[str]] = (["author", "-created"], ["-views"], ["kind", "-views"])
FIELDS: dict[str, Any] = {
    "title": {"type": "text"},
    "author": {"type": "relation", "to": "users"},
    "kind": {"type": "text"},
    "views": {"type": "integer"},
    "text": {"type": "text"},
}
DOCUMENTS: Sequence[dict[str, Any]] = (
    *({"name": f"plain{count}", "fields": FIELDS, "indexes": list(INDEXES[:count])}
      for count in range(4)),
    {"name": "claimed", "fields": FIELDS, "unique": [["title"]]},
    {"name": "claimed3", "fields": FIELDS, "unique": [["title"]], "indexes": list(INDEXES)},
    {"name": "counted", "fields": FIELDS,
     "aggregates": {"by_kind": {"group": ["kind"], "count": True, "sum": ["views"]}}},
    {"name": "searched", "fields": FIELDS, "search": ["title"]},
    {"name": "bound", "fields": {**FIELDS, "author":
     {"type": "relation", "to": "users", "on_delete": "restrict"}}},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One operation: read and write units as measured, and the least there could be, with why."""

    name: str
    measured: tuple[float, float]
    least: tuple[float, float]
    why: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.units")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args()
    with table():
        rows = cells(measure())
    print(text(rows))
    if asked.write:
        PAGE.write_text(page(rows), encoding="utf-8")


def measure() -> list[Row]:
    """Every operation on the table of this process's services."""
    for document in DOCUMENTS:
        services().catalog.save(load(document))
    author = records("users").as_function().create({"email": "ann@example.org"})["id"]
    services().catalog.all()
    of_one: Iterator[Row] = _of_one(author)
    return [*of_one, *_creates(), *_changes(), *_several(), *_pages(author), *_kept()]


def spent(work: Callable[[], Any]) -> tuple[float, float]:
    """The read and write units of one call."""
    meter.reset()
    work()
    cost = meter.read()
    return cost.rru, cost.wru


def access(name: str) -> Access[dict[str, Any], Any, Any]:
    return records(name).as_function()


def values(number: int = 0, **more: Any) -> dict[str, Any]:
    """A record that takes about 0.9 KB."""
    return {"title": f"t{number}", "kind": "a", "views": number, "text": "x" * 750, **more}


def _of_one(author: str) -> Iterator[Row]:
    one = access("plain0").create(values())["id"]
    store, collection = services().record_store, services().catalog.get("plain0")
    yield Row("get", spent(lambda: access("plain0").get(one)), (0.5, 0))
    consistent = spent(lambda: store.get(collection, one, consistent=True))
    yield Row("get, consistent (inside Covey)", consistent, (1, 0))
    yield Row("get of what is not there", spent(lambda: access("plain0").find("0" * 20)), (0.5, 0))
    kept = access("plain0").create(values(author=author))["id"]
    expanded = spent(lambda: access("plain0").get(kept, expand=["author"]))
    yield Row("get, expanding one relation", expanded, (1, 0))


def _creates() -> Iterator[Row]:
    for count in range(4):
        cost = spent(partial(access(f"plain{count}").create, values()))
        indexes = "1 index" if count == 1 else f"{count} indexes"
        yield Row(f"create, {indexes}", cost, (0, 1 + count))
    transaction = "a claim beside the record: a transaction, whose table writes count twice"
    yield Row("create, 1 unique value", spent(partial(access("claimed").create, values())), (0, 4),
              transaction)  # fmt: skip
    cost = spent(partial(access("claimed3").create, values()))
    yield Row("create, 1 unique value and 3 indexes", cost, (0, 7), transaction)
    user = access("users").create({"email": "ben@example.org"})["id"]
    cost = spent(partial(access("plain0").create, values(author=user)))
    yield Row("create, with a relation", cost, (0.5, 1), "whether the target is there is read")
    cost = spent(partial(access("bound").create, values(author=user)))
    yield Row("create, with a relation that has `on_delete`", cost, (0.5, 6),
              "a line and a gate beside the target, in one transaction")  # fmt: skip


def _changes() -> Iterator[Row]:
    look = "what is there is read consistently: rules see it, and the version is the condition"
    for count in (0, 3):
        one = access(f"plain{count}").create(values())["id"]
        cost = spent(partial(access(f"plain{count}").update, one, {"text": "y" * 750}))
        yield Row(f"update of a field of no index, {count} indexes", cost, (0, 1 + count), look)
    plain = access("plain2")
    one = plain.create(values())["id"]
    cost = spent(partial(plain.update, one, {"views": 7}))
    yield Row(
        "update of the field of 1 of 2 indexes",
        cost,
        (0, 4),
        "an entry that moves is written twice",
    )
    cost = spent(partial(plain.update, one, {"views": 7}))
    yield Row("update that changes nothing", cost, (0, 0), look)
    claimed = access("claimed")
    one = claimed.create(values(1))["id"]
    cost = spent(partial(claimed.update, one, {"views": 9}))
    yield Row("update that leaves a unique value alone", cost, (0, 1), look)
    cost = spent(partial(claimed.update, one, {"title": "new"}))
    yield Row(
        "update of a unique value",
        cost,
        (0, 6),
        "record, old claim and new claim, in a transaction",
    )
    cost = spent(partial(claimed.upsert, ["title"], {"title": "new", "views": 3}))
    yield Row("upsert of a record that is there", cost, (1, 1), "the claim says which record it is")
    cost = spent(partial(claimed.upsert, ["title"], {"title": "newer", "views": 3}))
    yield Row("upsert of a new record", cost, (1, 4))
    for count in (0, 3):
        one = access(f"plain{count}").create(values())["id"]
        cost = spent(partial(access(f"plain{count}").delete, one))
        yield Row(f"delete, {count} indexes", cost, (0, 1 + count), look)
    one = claimed.create(values(2))["id"]
    yield Row("delete, 1 unique value", spent(partial(claimed.delete, one)), (0, 4), look)


def _several() -> Iterator[Row]:
    def write(count: int, *, atomic: bool) -> None:
        with batch(atomic=atomic).as_function() as writes:
            for number in range(count):
                writes.create("plain0", values(number))

    cost = spent(lambda: write(10, atomic=True))
    yield Row("batch of 10 creates, atomic", cost, (0, 20), "a transaction counts twice")
    cost = spent(lambda: write(10, atomic=False))
    yield Row("batch of 10 creates, each for itself", cost, (0, 10))


def _pages(author: str) -> Iterator[Row]:
    paged = access("plain3")
    for number in range(100):
        paged.create(values(100 + number, author=author, text="x" * 825))
    paged.list()  # the cursor's key is read once
    collection = services().catalog.get("plain3")
    (stored,) = services().record_store.list(collection, Query(limit=1), lambda _: True).records
    bytes_of_one = size(layout_of(collection).item(stored))
    thirty, hundred = (-(-count * bytes_of_one // 4096) * 0.5 for count in (30, 100))
    mine = f'author == "{author}"'
    why = "and one more, to know whether there is a next"
    yield Row("page of 30 at 1 KB, newest first", spent(paged.list), (thirty, 0), why)
    cost = spent(lambda: paged.list(filter=mine, sort="-created"))
    yield Row("page of 30 at 1 KB, by an index", cost, (thirty, 0), why)
    cost = spent(lambda: paged.list(filter=mine, expand=["author"]))
    yield Row("the same, expanding its one author", cost, (thirty + 0.5, 0))
    cost = spent(lambda: paged.list(filter=f"{mine} && text.startsWith('x')", sort="-created"))
    yield Row("the same, with a filter that no index serves", cost, (thirty, 0))
    cost = spent(lambda: paged.count(mine))
    yield Row("exact count of 100 by an index", cost, (hundred, 0), "and a page of one")
    cost = spent(lambda: paged.aggregate(group=["kind"], count=True, filter=mine))
    yield Row("groups of 100, counted on demand", cost, (hundred, 0))


def _kept() -> Iterator[Row]:
    """What is kept from the stream, for one change by itself; batches share it."""
    for name, what, least in (
        ("counted", "aggregate", (0, 2)), ("searched", "search", (0, 2)),
    ):  # fmt: skip
        access(name).create(values())  # what is there once, for all
        _apply(name, 1)
        access(name).create(values())
        cost = spent(partial(_apply, name, 2))
        why = "a total, and a mark that it is counted" if name == "counted" else (
            "a posting for the word, and a mark")  # fmt: skip
        why += "; each batch looks up the webhooks"
        yield Row(f"{what} kept: one new record, after the write", cost, least, why)
    counted = access("counted")
    cost = spent(lambda: counted.aggregate(group=["kind"], count=True))
    yield Row("groups of a declared aggregate, 1 group", cost, (0.5, 0))
    cost = spent(lambda: access("searched").search("t0"))
    yield Row("search of one word, 2 found", cost, (1.5, 0), "postings, and the records")


def _apply(name: str, sequence: int) -> None:
    """The newest record of a collection through the pipeline, as the stream brings it."""
    collection = services().catalog.get(name)
    newest = access(name).list(limit=1).items[0]["id"]
    record = services().record_store.get(collection, newest)
    change = Change(name, newest, 1, ChangeKind.CREATED, None, record, str(sequence))
    meter.reset()
    services().pipeline.take([Told(change.sequence, {}, change)], lambda: True)


def cells(rows: Sequence[Row]) -> list[list[str]]:
    """The table, its head first."""
    head = ["operation", "read", "write", "least read", "least write", "beyond it", "because"]
    return [
        head,
        *(
            [one.name, *(_number(n) for n in (*one.measured, *one.least)), _beyond(one), one.why]
            for one in rows
        ),
    ]


def _beyond(row: Row) -> str:
    more = [have - least for have, least in zip(row.measured, row.least, strict=True)]
    named = zip(("read", "write"), more, strict=True)
    said = ", ".join(f"{_number(extra)} {kind}" for kind, extra in named if extra)
    return said or "–"


def _number(value: float) -> str:
    return f"{value:g}"


def page(rows: Sequence[Sequence[str]]) -> str:
    """docs/reference/costs.md."""
    return f"""# Costs

Written by `python -m bench.units --write` from the consumed capacity that the data engine reports,
and held to it by a test. Units are DynamoDB's: a read unit is 4 KB read consistently, half of one
4 KB read as lists and gets do; a write unit is 1 KB of the table or of an index entry, and in a
transaction the table's count twice. Records take up to 1 KB, and the caller is a function of its
own: rules that name `record()`, a relation or a field of the caller read what they name.

*Least* is what DynamoDB has to be paid for the same effect, with nothing checked before it.

{markdown(rows)}

Every answer says what it cost in `Covey-Cost`; `covey.insight.meter` says it in Python. What is
kept from the table's stream (aggregates, search, history) is paid when it is kept, about a second
after the write; a batch of changes shares what it writes. [Shards](storage.md#ids-and-shards) cost
reads: a list reads at least half a unit of each. They do not spread the lines of a relation with
`on_delete`, which lie beside its target: one target takes at most 250 new references a second.
"""


if __name__ == "__main__":
    main()
