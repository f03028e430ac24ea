"""Parts of a collection that earlier records lack: indexes, claims, searches, totals, expiry.

A part is named by what it is physically, so that a rename of fields leaves it what it was. What
is declared anew is built by a job (`covey.jobs.backfill`) while writers keep it already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Collection as Names
from dataclasses import replace

from covey.collections.catalog import Catalog
from covey.collections.model import Aggregate, Build, Collection, Field, Index, State
from covey.collections.references import referring_fields
from covey.errors import Conflict, Unavailable

ATTEMPTS = 10  # of a save that others overtake


def index_part(index: Index) -> str:
    """The part that an index is."""
    return f"index {index.number}"


def unique_part(collection: Collection, fields: tuple[str, ...]) -> str:
    """The part that a unique tuple is."""
    keys = ",".join(collection.fields[name].key for name in fields)
    return f"unique {keys} {collection.since.get(fields, 0)}"


def search_part(collection: Collection) -> str:
    """The part that a search is."""
    return f"search {collection.search.since}"


def unready_search(collection: Collection) -> State | None:
    """Why a search cannot be relied on; None for one that can."""
    build = collection.builds.get(search_part(collection)) if collection.builds else None
    return build.state if build else None


def references_part(field: Field) -> str:
    """The part that the references of a relation with ``on_delete`` are."""
    return f"references {field.key} {field.options['to']}"


def aggregate_part(aggregate: Aggregate) -> str:
    """The part that an aggregate is."""
    return f"aggregate {aggregate.number}"


CONVERSION = "convert "
Begin = Callable[[str, int, tuple[str, ...]], str]


def conversion_parts(collection: Collection) -> dict[str, str]:
    """The parts that values of other types are, by what they are called."""
    return {
        f"{CONVERSION}{field.key}": f"{name} as {field.type}"
        for name, field in collection.converting.items()
    }


def parts(collection: Collection) -> dict[str, str]:
    """Every part, and what it is called in the document."""
    expiry, search = collection.expiry, collection.search
    searched = {search_part(collection): f"search [{', '.join(search.fields)}]"}
    return {
        **(searched if search.fields or search.since else {}),
        **{index_part(index): f"index {index.name}" for index in collection.indexes},
        **{index_part(index): f"geo {index.name}" for index in collection.geo},
        **{unique_part(collection, u): f"unique [{', '.join(u)}]" for u in collection.unique},
        **{aggregate_part(one): f"aggregate {n}" for n, one in collection.aggregates.items()},
        **{
            references_part(field): f"on_delete of {field.name}"
            for field in referring_fields(collection)
        },
        **conversion_parts(collection),
        f"expires {expiry.key if expiry else '-'}": f"expires {expiry.name if expiry else 'never'}",
    }


def unready_index(collection: Collection, index: Index) -> State | None:
    """Why an index cannot be read; None for one that can."""
    build = collection.builds.get(index_part(index)) if collection.builds else None
    return build.state if build else None


def unready_unique(collection: Collection, fields: tuple[str, ...]) -> State | None:
    """Why a unique tuple cannot be relied on; None for one that can."""
    build = collection.builds.get(unique_part(collection, fields)) if collection.builds else None
    return build.state if build else None


def unready_references(collection: Collection, field: Field) -> State | None:
    """Why it is not known who refers by this field; None where it is."""
    build = collection.builds.get(references_part(field)) if collection.builds else None
    return build.state if build else None


def unready_aggregate(collection: Collection, aggregate: Aggregate) -> State | None:
    """Why totals cannot be relied on; None for those that can."""
    build = collection.builds.get(aggregate_part(aggregate)) if collection.builds else None
    return build.state if build else None


def described(collection: Collection) -> list[dict[str, str]]:
    """What is not ready, for people and tools: part, state and job of each."""
    words = parts(collection)
    return [
        {"part": words[part], "state": str(build.state), "job": build.job}
        for part, build in collection.builds.items()
    ]


def new_parts(before: Collection, after: Collection) -> tuple[str, ...]:
    """The parts that records from before do not have yet."""
    known = parts(before)
    return tuple(part for part in parts(after) if part not in known)


def settle(catalog: Catalog, name: str, job: str, built: Names[str], failed: Names[str]) -> None:
    """Save what a job came to: `built` parts are ready, `failed` ones are not.

    Parts that are gone, or that another job has taken on since, stay as they are. Doing it again
    changes nothing. Raises Unavailable when others keep changing the catalog.
    """
    for _ in range(ATTEMPTS):
        catalog.refresh()
        collection = catalog.get(name)
        builds = _settled(collection, job, built, failed)
        if builds == collection.builds:
            return
        try:
            catalog.save(replace(collection, builds=builds, version=collection.version + 1))
        except Conflict:  # another writer of the catalog was faster
            continue
        return
    raise Unavailable("The catalog keeps changing.")


def _settled(
    collection: Collection, job: str, built: Names[str], failed: Names[str]
) -> Mapping[str, Build]:
    builds = dict(collection.builds)
    known = parts(collection)
    for part in built:
        if part in builds and builds[part].job == job:
            del builds[part]
    for part in failed:
        if part in known and (part not in builds or builds[part].job == job):
            builds[part] = Build(State.FAILED, job)
    return builds
