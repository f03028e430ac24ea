"""What a record would become: a body or a patch, before rules and store have their say.

Nothing here tells a caller about fields they can neither read nor write: such a name is unknown.
A field that the caller may not read always counts as written when it is named, even with the
value it has, so that neither the version nor a rule answers "is it this?".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from covey.collections.model import Collection
from covey.errors import FieldError, Invalid
from covey.expressions import Scope
from covey.fields import validate_record
from covey.identity.authorize import known_fields, write_denied
from covey.identity.principal import Principal
from covey.records.model import SYSTEM_FIELDS, Record
from covey.records.patch import OperatorError, is_operator, resolve, same


@dataclass(frozen=True, slots=True)
class Draft:
    """The values after a write, and the fields that the caller wrote."""

    values: dict[str, Any]
    written: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rights:
    """What the caller may do with the fields of the record as it is."""

    readable: frozenset[str]
    writable: frozenset[str]


def created(
    principal: Principal, collection: Collection, body: Mapping[str, Any], scope: Scope
) -> Draft:
    """A new record's values, defaults filled in; raises Invalid."""
    shape = _as_known(principal, collection, body)
    values = validate_record(shape, body, scope=scope)
    return Draft(values, tuple(name for name in body if name in collection.fields))


def patched(
    principal: Principal,
    collection: Collection,
    before: Record,
    patch: Mapping[str, Any],
    rights: Rights,
) -> Draft:
    """The values after a merge patch with operators; raises Invalid, Forbidden."""
    shape = _as_known(principal, collection, patch)
    named = [name for name in patch if name in shape.fields]
    # A relative change answers about what it starts from: by its bounds, by what it leaves.
    blind = [
        name
        for name in named
        if name not in rights.readable and is_operator(shape.fields[name], patch[name])
    ]
    if blind:
        raise write_denied(blind)
    body, faults = dict(patch), list[FieldError]()
    for name in named:
        try:
            body[name] = resolve(shape.fields[name], before.values.get(name), patch[name])
        except OperatorError as fault:
            faults.append(fault.error)
    if faults:
        raise Invalid(f"{faults[0].field} {faults[0].message}.", errors=faults)
    values = validate_record(shape, body, before=before, partial=True)
    return Draft(values, _written(named, before, values, rights))


def resolved(
    principal: Principal, collection: Collection, patch: Mapping[str, Any]
) -> dict[str, Any]:
    """What a merge patch with operators makes of nothing, as the body of a new record.

    Raises Invalid.
    """
    fields = collection.fields
    known = known_fields(principal, collection, write=True)
    body, faults = dict(patch), list[FieldError]()
    for name in known & patch.keys():
        try:
            body[name] = resolve(fields[name], None, patch[name])
        except OperatorError as fault:
            faults.append(fault.error)
    if faults:
        raise Invalid(f"{faults[0].field} {faults[0].message}.", errors=faults)
    return body


def replaced(
    principal: Principal,
    collection: Collection,
    before: Record,
    body: Mapping[str, Any],
    rights: Rights,
    scope: Scope,
) -> Draft:
    """The values after a replacement; raises Invalid.

    What the body leaves out gets its default, or no value; but a field that the caller cannot
    see or cannot write keeps what it has, as leaving it out was no decision of theirs.
    """
    kept = collection.fields.keys() - body.keys() - (rights.readable & rights.writable)
    shape = _as_known(principal, collection, body)
    shape = replace(
        shape, fields={name: field for name, field in shape.fields.items() if name not in kept}
    )
    values = validate_record(shape, body, before=before, scope=scope)
    values |= {name: before.values[name] for name in kept if name in before.values}
    ordered = {name: values[name] for name in collection.fields if name in values}
    return Draft(ordered, _written(list(shape.fields), before, ordered, rights))


def restored(
    collection: Collection, before: Record, body: Mapping[str, Any], rights: Rights
) -> Draft:
    """The values with those of the body, None for none; raises Invalid. Others stay."""
    values = validate_record(collection, body, before=before, partial=True)
    return Draft(values, _written(list(body), before, values, rights))


def _written(
    named: list[str], before: Record, values: Mapping[str, Any], rights: Rights
) -> tuple[str, ...]:
    return tuple(
        name
        for name in named
        if name not in rights.readable or not same(before.values.get(name), values.get(name))
    )


def _as_known(principal: Principal, collection: Collection, body: Mapping[str, Any]) -> Collection:
    """The collection as far as it exists for the caller, if the body names anything else.

    Validation then refuses a hidden name and a wrong one alike, and suggests neither.
    """
    known = known_fields(principal, collection, write=True)
    if all(name in known or name in SYSTEM_FIELDS for name in body):
        return collection
    fields = {name: field for name, field in collection.fields.items() if name in known}
    return replace(collection, fields=fields)
