"""Changes of types that the records have a say in.

A collection that is converting stays what it was, and keeps, beside the values of the fields in
question, what they are as the new type. Once all records have that (see `covey.jobs.backfill`),
the document that was wanted takes its place as a whole. Where a value is none of the new type the
collection stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from covey.collections import builds
from covey.collections.catalog import Catalog
from covey.collections.changes import SchemaChange, diff
from covey.collections.document import dump, load
from covey.collections.model import Build, Collection, Field, Search, State
from covey.errors import Conflict, Unavailable
from covey.fields.convert import convertible


def conversions(before: Collection, after: Collection) -> dict[str, Field]:
    """The fields of `after` whose values are to be made from those of `before`, by name."""
    known = {field.key for field in before.fields.values()}
    return {
        name: field
        for name, field in after.fields.items()
        if name in before.fields
        and field.key not in known
        and convertible(before.fields[name], field)
    }


def staged(before: Collection, after: Collection) -> Collection:
    """What is saved for now: `after` itself where nothing is to be converted."""
    converting = conversions(before, after)
    if before.converting and dump(after) == before.wanted:
        return before
    if not converting:
        return after
    return replace(
        before,
        version=before.version + 1,
        converting=converting,
        wanted=dump(after),
        next_key=after.next_key,
        builds={p: b for p, b in before.builds.items() if not p.startswith(builds.CONVERSION)},
    )


def changes(before: Collection | None, after: Collection) -> tuple[SchemaChange, ...]:
    """What differs, as `covey.collections.changes.diff` says it; nothing that is under way."""
    if before is None or not before.converting:
        return tuple(diff(before, after))
    if dump(after) == before.wanted:
        return ()
    given_up = [
        SchemaChange(f"give up converting {before.name}.{name} to {field.type}")
        for name, field in before.converting.items()
    ]
    return (*given_up, *diff(before, after))


def finish(catalog: Catalog, name: str, begin: builds.Begin | None) -> None:
    """Put the wanted document in its place if all values are converted; again changes nothing.

    What it declares over the new values is built next. Raises Unavailable when others keep
    changing the catalog.
    """
    for _ in range(builds.ATTEMPTS):
        catalog.refresh()
        collection = catalog.get(name)
        waiting = builds.conversion_parts(collection).keys() & collection.builds.keys()
        if not collection.converting or waiting:
            return
        before = _without(collection, collection.converting.keys())
        after = load(collection.wanted, previous=before)
        after = replace(after, version=collection.version + 1)
        if parts := builds.new_parts(before, after):
            job = "" if begin is None else begin(name, after.version, parts)
            under_way = dict.fromkeys(parts, Build(State.BUILDING, job))
            after = replace(after, builds={**after.builds, **under_way})
        try:
            catalog.save(after)
        except Conflict:  # another writer of the catalog was faster
            continue
        return
    raise Unavailable("The catalog keeps changing.")


def _without(collection: Collection, names: Iterable[str]) -> Collection:
    """The collection with its new fields, and without what is made of the old ones."""
    gone = set(names)
    search = Search() if gone & set(collection.search.fields) else collection.search

    def stays(parts: Iterable[str]) -> bool:
        return not gone & set(parts)

    return replace(
        collection,
        fields={**collection.fields, **collection.converting},
        indexes=tuple(i for i in collection.indexes if stays(p.field for p in i.parts)),
        geo=tuple(i for i in collection.geo if stays(p.field for p in i.parts)),
        unique=tuple(claim for claim in collection.unique if stays(claim)),
        aggregates={n: a for n, a in collection.aggregates.items() if stays(_named(a))},
        search=search,
        converting={},
        wanted={},
    )


def _named(aggregate: Any) -> Iterable[str]:
    parts = (aggregate.group, aggregate.sum, aggregate.min, aggregate.max, aggregate.avg)
    filtered: Mapping[str, Any] | tuple[str, ...] = ()
    if aggregate.filter is not None:
        from covey.expressions import names

        filtered = tuple(name.partition(".")[0] for name in names(aggregate.filter))
    return (*(name for part in parts for name in part), *filtered)
