"""Changing a collection: planned, shown, and only then applied.

A change that would lose values wants to be confirmed. One that is true of old records only when
they are written anew (a new index, a new unique claim) is refused while there are records: an
index that misses them would answer lists wrongly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from covey.collections.catalog import Catalog
from covey.collections.changes import SchemaChange, diff
from covey.collections.document import check_relations, load
from covey.collections.faults import Faults
from covey.collections.model import Collection
from covey.errors import Conflict, FieldError


@dataclass(frozen=True, slots=True)
class Plan:
    """What a document would make of the catalog; `before` is None for a new collection."""

    before: Collection | None
    after: Collection
    changes: tuple[SchemaChange, ...]


def plan(catalog: Catalog, document: Mapping[str, Any]) -> Plan:
    """Read a document against the catalog as it is now; raises Invalid."""
    catalog.refresh()
    there = {collection.name: collection for collection in catalog.all()}
    before = there.get(str(document.get("name")))
    after = load(document, previous=before)
    faults = Faults()
    check_relations({after.name: after}, {*there, after.name}, faults)
    faults.raise_any(f"Collection {after.name}")
    return Plan(before, after, tuple(diff(before, after)))


def apply(
    catalog: Catalog,
    planned: Plan,
    *,
    is_empty: Callable[[Collection], bool],
    confirmed: bool = False,
) -> None:
    """Save what was planned; a plan without changes saves nothing.

    Raises Conflict: ``destructive_change`` unless `confirmed`, ``backfill_required`` where
    records are there, ``catalog_changed`` when another writer was faster.
    """
    if planned.before is not None and planned.after == planned.before:
        return
    lost = [change for change in planned.changes if change.destructive]
    if lost and not confirmed:
        raise _refusal("destructive_change", "This change loses data; confirm it", lost)
    late = [change for change in planned.changes if change.needs_backfill]
    if late and planned.before is not None and not is_empty(planned.before):
        why = "This change needs the records that are there to be written anew"
        raise _refusal("backfill_required", why, late)
    catalog.save(planned.after)


def _refusal(code: str, why: str, changes: list[SchemaChange]) -> Conflict:
    said = "; ".join(change.text for change in changes)
    errors = [FieldError("", code, change.text) for change in changes]
    return Conflict(f"{why}: {said}.", code=code, errors=errors)
