"""What the store says of fields that a caller does not know of, told without naming them.

The store knows indexes and unique tuples whole; a caller may know a part of their fields only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.collections.model import Collection
from covey.errors import CoveyError, FieldError
from covey.identity.authorize import known_fields
from covey.identity.principal import Principal
from covey.records.model import SYSTEM_FIELDS

VEILED = "an index with fields that you may not read"


def concealed(principal: Principal, collection: Collection, error: CoveyError) -> CoveyError:
    """The same error, where it names fields that are unknown to the caller one without them."""
    if not error.errors:
        return error
    known = known_fields(principal, collection, write=True) | set(SYSTEM_FIELDS)
    shown = [fault for fault in error.errors if fault.field in known]
    if len(shown) == len(error.errors):
        return error
    message = "is refused together with other values"
    return type(error)(
        "The values are refused together.",
        code=error.code,
        errors=[FieldError(fault.field, fault.code, message) for fault in shown],
    )


def concealed_plan(
    principal: Principal, collection: Collection, plan: Mapping[str, Any]
) -> dict[str, Any]:
    """The plan of a list without the indexes whose fields the caller may not read."""
    hidden = collection.fields.keys() - known_fields(principal, collection, write=False)
    veiled = {
        f"index {index.name}"
        for index in collection.indexes
        if any(part.field in hidden for part in index.parts)
    }
    told = dict(plan)
    if told.get("source") in veiled:
        told["source"] = VEILED
    rejected = told.get("rejected", ())
    told["rejected"] = [one for one in rejected if one["source"] not in veiled]
    if "branches" in told:
        told["branches"] = [
            {**one, "source": VEILED} if one["source"] in veiled else one
            for one in told["branches"]
        ]
    return told
