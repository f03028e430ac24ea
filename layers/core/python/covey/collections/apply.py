"""Changing a collection: planned, shown, and only then applied.

A change that would lose values wants to be confirmed. One that old records lack (an index, a
unique tuple, an expiry) is saved as being built and left to a job, so that no list misses them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from covey.collections import builds
from covey.collections.catalog import Catalog
from covey.collections.changes import SchemaChange
from covey.collections.conversion import changes, staged
from covey.collections.document import check_relations, load
from covey.collections.faults import Faults
from covey.collections.model import Build, Collection, State
from covey.collections.rule_checking import check_rules
from covey.collections.tenant_document import check_tenants
from covey.errors import Conflict, FieldError
from covey.records.time import now_ms

ATTEMPTS = 8  # of a change that others of the catalog overtake

T = TypeVar("T")


class Builder(Protocol):
    """Who has parts of collections built; `covey.jobs.backfills.Backfills`."""

    def begin(self, collection: str, version: int, parts: tuple[str, ...]) -> str:
        """A job that builds these parts once the catalog has this version: its id."""
        ...

    def goes_on(self, job: str) -> bool:
        """Whether the job is there and not over; it is asked for again if so."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What a document would make of the catalog; `before` is None for a new collection."""

    before: Collection | None
    after: Collection
    changes: tuple[SchemaChange, ...]


def persist(attempt: Callable[[], T]) -> T:
    """Repeat a change of the catalog while changes of other collections overtake it."""
    for number in range(ATTEMPTS):
        try:
            return attempt()
        except Conflict as conflict:
            if conflict.code != "catalog_changed" or number == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def plan(catalog: Catalog, document: Mapping[str, Any]) -> Plan:
    """Read a document against the catalog as it is now; raises Invalid."""
    catalog.refresh()
    there = {collection.name: collection for collection in catalog.all()}
    if (ending := catalog.ending(str(document.get("name")))) is not None:
        message = f"A collection of this name is being removed (job {ending.ending})."
        raise Conflict(message, code="collection_ending")
    before = there.get(str(document.get("name")))
    after = load(document, previous=before)
    faults = Faults()
    check_relations({after.name: after}, {*there, after.name}, faults)
    among = there | {after.name: after}
    check_rules({after.name: after}, among, among, faults)
    check_tenants({after.name}, among, faults)
    faults.raise_any(f"Collection {after.name}")
    return planned(before, after)


def planned(before: Collection | None, after: Collection) -> Plan:
    """The plan of a collection that was read against what there is."""
    saved = after if before is None else staged(before, after)
    return Plan(before, saved, changes(before, after))


def apply(
    catalog: Catalog,
    planned: Plan,
    *,
    is_empty: Callable[[Collection], bool],
    builder: Builder | None,
    confirmed: bool = False,
) -> Collection:
    """Save what was planned and have built what wants it; the collection as it is then.

    A plan without changes saves nothing, but a build that failed is tried again. `builder` None
    means that there is no queue of jobs. Raises Conflict: ``destructive_change`` unless
    `confirmed`, ``backfill_required`` where records want a job and there is no queue,
    ``catalog_changed`` when another writer was faster.
    """
    before, after = planned.before, planned.after
    lost = [change for change in planned.changes if change.destructive]
    if lost and not confirmed:
        raise _refusal("destructive_change", "This change loses data; confirm it", lost)
    if before is None:
        after = replace(after, born=now_ms())
        catalog.save(after)
        return after
    wanted = (*builds.new_parts(before, after), *_stuck(after, builder))
    if wanted:
        after = _building(before, after, wanted, builder, is_empty(before), planned)
    if after != before:
        catalog.save(after)
    return after


def _stuck(collection: Collection, builder: Builder | None) -> list[str]:
    """The parts whose build has ended without them."""
    if builder is None:
        return []
    return [
        part
        for part, build in collection.builds.items()
        if build.state is State.FAILED or not builder.goes_on(build.job)
    ]


def _building(
    before: Collection,
    after: Collection,
    wanted: tuple[str, ...],
    builder: Builder | None,
    empty: bool,
    planned: Plan,
) -> Collection:
    """The collection with these parts under way.

    They are ready at once where there is no record. A writer that does not know of them yet may
    be making one, so that a job looks through it all the same.
    """
    if builder is None:
        if not empty or after.converting:
            late = [change for change in planned.changes if change.needs_backfill]
            raise _refusal("backfill_required", "A job must bring this to the records", late)
        return after
    version = before.version + 1
    # Asked for first: should this process end here, the job finds nothing to do.
    job = builder.begin(after.name, version, wanted)
    left = {part: build for part, build in after.builds.items() if part not in wanted}
    if not empty or after.converting:
        left |= dict.fromkeys(wanted, Build(State.BUILDING, job))
    return replace(after, version=version, builds=left)


def _refusal(code: str, why: str, changes: list[SchemaChange]) -> Conflict:
    said = "; ".join(change.text for change in changes)
    errors = [FieldError("", code, change.text) for change in changes]
    return Conflict(f"{why}: {said}.", code=code, errors=errors)
