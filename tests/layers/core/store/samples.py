"""Collections, records and queries for the tests of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from covey.collections.model import Collection, Epoch, Field, Index, IndexPart
from covey.collections.scope import RecordScope, types
from covey.expressions import check, parse
from covey.records.ids import created_of
from covey.records.model import Record
from covey.records.ports import Query, RecordStore, SortKey

FIELDS = {
    "title": "text",
    "author": "text",
    "published": "bool",
    "views": "number",
    "due": "datetime",
    "extra": "json",
}


def parts(text: str) -> tuple[IndexPart, ...]:
    """``author, -created`` as the parts of an index."""
    names = [name.strip() for name in text.split(",")]
    return tuple(IndexPart(name.lstrip("-"), name.startswith("-")) for name in names)


def collection(
    *indexes: str,
    name: str = "posts",
    unique: tuple[tuple[str, ...], ...] = (),
    ids: str = "auto",
    schedule: Iterable[tuple[int, int]] = ((0, 1),),
    slots: Iterable[int] = (0, 1, 2, 3, 4),
) -> Collection:
    """A collection of `FIELDS` with these indexes, numbered from 1, one slot each."""
    return Collection(
        name=name,
        fields={
            field: Field(field, kind, f"k{number}")
            for number, (field, kind) in enumerate(FIELDS.items())
        },
        indexes=tuple(
            Index(parts(text), number, slot)
            for (number, text), slot in zip(enumerate(indexes, 1), slots, strict=False)
        ),
        unique=unique,
        ids=ids,
        schedule=tuple(Epoch(from_ms, shards) for from_ms, shards in schedule),
    )


def new(store: RecordStore, of: Collection, record_id: str = "", **values: Any) -> Record:
    """A record that could be created."""
    expires = values.pop("expires", None)
    record_id = record_id or store.new_id(of)
    created = created_of(record_id) if of.ids == "auto" else values.pop("created", 1_000)
    return Record(record_id, created, created, 1, values, expires)


def made(store: RecordStore, of: Collection, record_id: str = "", **values: Any) -> Record:
    """A record that has just been created."""
    record = new(store, of, record_id, **values)
    store.create(of, record)
    return record


def changed(record: Record, **values: Any) -> Record:
    """The record's next version with these values."""
    return Record(
        record.id,
        record.created,
        record.updated + 1,
        record.version + 1,
        {**record.values, **values},
        record.expires,
    )


def query(of: Collection, where: str = "", sort: str = "", **more: Any) -> Query:
    """A list as the API would ask for it."""
    expression = check(parse(where), types(of)) if where else None
    keys = tuple(SortKey(part.field, part.descending) for part in parts(sort)) if sort else ()
    return Query(
        where=expression, bounded_by_caller=bool(where), sort=keys, filter_text=where, **more
    )


def accepting(of: Collection, asked: Query) -> Callable[[Record], bool]:
    """What the records service would pass: the filter itself."""
    where = asked.where
    if where is None:
        return lambda record: True
    return lambda record: where.holds(RecordScope(of, record))


def listed(store: RecordStore, of: Collection, asked: Query) -> list[Record]:
    """Every page of a list, joined."""
    records: list[Record] = []
    for _ in range(1_000):
        page = store.list(of, asked, accepting(of, asked))
        assert len(page.records) <= asked.limit
        records += page.records
        if page.next is None:
            return records
        asked = replace(asked, cursor=page.next)
    raise AssertionError("a list that does not end")


def listed_back(store: RecordStore, of: Collection, asked: Query) -> list[Record]:
    """Every page of a list from its last to its first, joined in the list's order."""
    accept = accepting(of, asked)
    page = store.list(of, asked, accept)
    pages = [page]
    while page.next is not None:
        page = store.list(of, replace(asked, cursor=page.next), accept)
        pages.append(page)
    records, expected = page.records, [one.records for one in pages]
    while page.prev is not None:
        page = store.list(of, replace(asked, cursor=page.prev), accept)
        assert len(page.records) <= asked.limit
        records = page.records + records
        after = store.list(of, replace(asked, cursor=page.next), accept)
        assert after.records in expected
    return records
