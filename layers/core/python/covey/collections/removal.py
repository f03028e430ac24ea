"""Removing a collection: gone at once for everybody, its records by a job, its name at last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from covey.collections import users
from covey.collections.catalog import Catalog
from covey.collections.rule_checking import readers_of
from covey.errors import Conflict, FieldError, NotSupported


def remove(
    catalog: Catalog,
    name: str,
    *,
    begin: Callable[[str, int], str] | None,
    confirmed: bool = False,
) -> str:
    """Mark a collection as ending; the id of the job that removes its records.

    `begin` starts it, given the name and the version that says so; None where there is no queue
    of jobs. Raises NotFound; Conflict ``destructive_change`` unless `confirmed`,
    ``collection_referred`` while relations or rules of others lead to it, ``catalog_changed``.
    """
    catalog.refresh()
    collection = catalog.get(name)
    if name == users.NAME:
        raise Conflict("The collection users always exists.", code="collection_referred")
    errors = [
        FieldError(f"{other.name}.{field.name}", "collection_referred", f"refers to {name}")
        for other in catalog.all()
        for field in other.fields.values()
        if field.options.get("to") == name and other.name != name
    ]
    errors += [
        FieldError(place, "collection_referred", f"reads records of {name}")
        for place in readers_of(catalog.all(), name)
    ]
    if errors:
        where = ", ".join(error.field for error in errors[:5])
        raise Conflict(
            f"Relations or rules lead to {name}: {where}.",
            code="collection_referred",
            errors=errors,
        )
    if not confirmed:
        message = f"This removes {name} and all of its records; confirm it."
        raise Conflict(message, code="destructive_change")
    if begin is None:
        raise NotSupported("There is no queue of jobs to remove its records.")
    version = collection.version + 1
    # Asked for first: should this process end here, the job finds nothing to do.
    job = begin(name, version)
    catalog.save(replace(collection, ending=job, builds={}, version=version))
    return job
