"""Which ids a collection can hold: those that Covey makes, or those that writers give."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from covey.collections.model import Collection
from covey.errors import FieldError, Invalid
from covey.fields.relation import ID
from covey.records.ids import is_auto

_CUSTOM = re.compile(ID)
# What stands, or is to stand, in an id's place in a path: a record called so could not be reached.
RESERVED = frozenset(("aggregate", "export", "import", "search"))


def can_hold(collection: Collection, record_id: str) -> bool:
    """Whether a record of this collection could have this id, so that looking makes sense."""
    if collection.ids == "auto":
        return is_auto(record_id)
    return _CUSTOM.fullmatch(record_id) is not None


def refuse_custom_ids(collection: Collection) -> Invalid:
    """The error for an id given to a collection that makes its own; the hint is the YAML line."""
    message = f"{collection.name} makes its own ids; to give them, add `ids: custom` to it"
    return Invalid(
        f"{message}.",
        code="custom_ids_not_allowed",
        errors=[FieldError("id", "custom_ids_not_allowed", message)],
    )


def given_id(collection: Collection, body: Mapping[str, Any]) -> str | None:
    """The id that the body of a new record gives, or None; raises Invalid."""
    if "id" not in body:
        return None
    if collection.ids == "auto":
        raise refuse_custom_ids(collection)
    return check_custom_id(body["id"])


def check_custom_id(value: Any) -> str:
    """The id; raises Invalid (code invalid_id) unless it is text that can be one."""
    if isinstance(value, str) and value in RESERVED:
        message = "is the name of an operation on the collection"
        raise Invalid(f"id {message}.", errors=[FieldError("id", "invalid_id", message)])
    if isinstance(value, str) and _CUSTOM.fullmatch(value):
        return value
    message = "must be 1 to 128 of A-Z a-z 0-9 _ . : - and begin with a letter or digit"
    raise Invalid(f"id {message}.", errors=[FieldError("id", "invalid_id", message)])


def differing_id() -> Invalid:
    """The error for a body whose id is not that of its address."""
    message = "must be the id that the address names"
    return Invalid(f"id {message}.", errors=[FieldError("id", "invalid_id", message)])
