"""The collection that always exists: who signs in.

A team may extend it in ``collections/users.yaml`` with fields, rules and indexes of its own. What
is here stays: accounts, sign-in and rules rest on it. Only the `read` rules of these fields may be
written anew, and whether everyone must have an e-mail: those who are anonymous, or come from a
provider that does not vouch for one, have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from covey.collections.faults import Faults

if TYPE_CHECKING:
    from covey.collections.model import Collection

NAME = "users"
_SELF = "id == auth.id"

# An address is changed by proving it, roles by administrators: never by writing the record.
DOCUMENT: Mapping[str, Any] = {
    "name": NAME,
    "description": "Everyone who can sign in.",
    "fields": {
        "email": {"type": "email", "read": _SELF, "write": "false"},
        "name": {"type": "text", "max": 200},
        "roles": {"type": "text", "max": 63, "list": True, "read": _SELF, "write": "false"},
        "verified": {"type": "bool", "default": False, "write": "false"},
    },
    "rules": {"read": "auth != null", "update": _SELF},
    "unique": [["email"]],
}


@cache
def collection() -> Collection:
    """The built-in collection as it is without a file."""
    from covey.collections.document import load  # which completes `users` with this module

    return load(DOCUMENT)


def completed(document: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """A team's document with what `users` always has, its own fields after those."""
    result = dict(document)
    if document.get("description", "") == "":
        result["description"] = DOCUMENT["description"]
    own = document.get("fields")
    if own is None or isinstance(own, Mapping):
        result["fields"] = _fields(own or {}, faults)
    rules = document.get("rules")
    if rules is None:
        result["rules"] = DOCUMENT["rules"]
    unique = document.get("unique")
    if unique is None or isinstance(unique, list):
        always = [claim for claim in DOCUMENT["unique"] if claim not in (unique or ())]
        result["unique"] = [*always, *(unique or ())]
    return result


def _fields(own: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    fields: dict[str, Any] = {name: dict(field) for name, field in DOCUMENT["fields"].items()}
    for name, written in own.items():
        if name not in fields:
            fields[name] = written
            continue
        built_in = fields[name]
        changes = written if isinstance(written, Mapping) else {"": written}
        for key, value in changes.items():
            if key == "read" or (name, key) == ("email", "required"):
                built_in[key] = value
            elif key not in built_in or built_in[key] != value:
                message = "is built in; only its read rule may be written anew"
                faults.add(f"fields.{name}.{key}".rstrip("."), "built_in", message)
    return fields
