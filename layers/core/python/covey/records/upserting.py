"""A record by its unique values: made where there is none, else changed.

Which of the two it is, is decided anew at each attempt, and the claim on the values in the
transaction of a new record lets one of several writers make it; the others then change it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from covey.collections.builds import unready_unique
from covey.errors import BadRequest, Conflict, CoveyError, FieldError, Invalid, NotFound
from covey.fields import validate_record
from covey.identity import authorize as access
from covey.identity.principal import Principal
from covey.records import drafts
from covey.records.asking import Asking
from covey.records.conditions import UNCONDITIONAL
from covey.records.custom_ids import given_id
from covey.records.model import Record
from covey.records.patch import same
from covey.records.preparing import OVERTAKEN, Body, Prepared, Preparer
from covey.records.reading import Answer, Parameters


class Upserter(Preparer):
    """Prepares upserts, each as the create or the update that it comes to."""

    def prepare_upsert(
        self,
        principal: Principal,
        collection: str,
        by: Sequence[str],
        body: Body,
        *,
        parameters: Parameters | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> Prepared[Answer]:
        """The record with these values of `by` after the body as a merge patch, or a new one.

        Raises BadRequest ``invalid_on_conflict`` unless `by` are the fields of a unique tuple.
        """
        asking = self._asking(principal, collection, request, parameters)
        _refuse_early(asking)
        unique = _unique(asking, by)
        values = _values(asking, unique, body)
        owner = self._store.find_unique(asking.collection, unique, values)
        found = None if owner is None else self._read(asking, owner, consistent=True)
        if (
            found is None
            or asking.visible(asking.collection, found) is None
            or not all(same(found.values.get(n), v) for n, v in zip(unique, values, strict=True))
        ):
            return self._made(asking, unique, body, free=owner is None)
        before = self._before(asking, found.id, "update", UNCONDITIONAL, found)
        rights = asking.rights(before)
        draft = drafts.patched(asking.principal, asking.collection, before, body, rights)
        prepared = self._change(asking, before, draft, rights)
        return replace(prepared, refused=lambda error: _gone(prepared.refused(error)))

    def _made(
        self, asking: Asking, unique: tuple[str, ...], body: Body, *, free: bool
    ) -> Prepared[Answer]:
        """A new record; values that were `free` and are taken by now lead to another attempt."""
        access.refuse_early(asking.principal, asking.collection, "create")
        given = drafts.resolved(asking.principal, asking.collection, body)
        prepared = self._new(asking, given_id(asking.collection, body), given)

        def refused(error: CoveyError) -> CoveyError:
            taken = isinstance(error, Conflict) and error.code == "unique_violation"
            if free and taken and {fault.field for fault in error.errors} == set(unique):
                return Conflict(code=OVERTAKEN)
            return prepared.refused(error)

        return replace(prepared, refused=refused)


def _refuse_early(asking: Asking) -> None:
    """Raise unless some record could let the caller create or update."""
    try:
        access.refuse_early(asking.principal, asking.collection, "create")
    except CoveyError as refusal:
        try:
            access.refuse_early(asking.principal, asking.collection, "update")
        except CoveyError:
            raise refusal from None


def _unique(asking: Asking, by: Sequence[str]) -> tuple[str, ...]:
    """The unique tuple of these fields, all of which the caller may read in every record.

    Else the answer would tell which record has a value that is hidden.
    """
    collection = asking.collection
    readable = access.filterable_fields(asking.principal, collection)
    for name in by:
        if name not in readable:
            raise _bad(f"there is no field {name[:64]!r}")
    also = {collection.tenant} - {""}
    for unique in collection.unique:
        if set(unique) in (set(by), {*by, *also}):
            unready = unready_unique(collection, unique)
            if unready is not None:
                raise _bad(f"the unique values [{', '.join(unique)}] are {unready}")
            return unique
    line = f"  - [{', '.join(by)}]"
    raise _bad(f"not unique together. Add under unique in {collection.name}.yaml:\n{line}")


def _values(asking: Asking, unique: tuple[str, ...], body: Body) -> tuple[Any, ...]:
    """The body's values of the unique fields as they would be stored, defaults where left out."""
    collection = asking.collection
    shape = replace(collection, fields={name: collection.fields[name] for name in unique})
    given = {name: body[name] for name in unique if name in body}
    empty = Record("", asking.now, asking.now, 1)
    values = validate_record(shape, given, scope=asking.scope(empty))
    missing = [name for name in unique if values.get(name) is None]
    if missing:
        faults = [FieldError(name, "required", "must be given") for name in missing]
        raise Invalid(f"{missing[0]} must be given to find a record by it.", errors=faults)
    return tuple(values[name] for name in unique)


def _gone(error: CoveyError) -> CoveyError:
    """A record that was removed since it was read: the next attempt makes a new one."""
    return Conflict(code=OVERTAKEN) if isinstance(error, NotFound) else error


def _bad(message: str) -> BadRequest:
    return BadRequest(f"on_conflict: {message}", code="invalid_on_conflict")
