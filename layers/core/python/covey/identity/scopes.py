"""What an API key was given: actions on collections, and surfaces besides records.

Nothing is given by default. ``*`` stands for every collection, for `users` in reading only: keys
never change accounts, and a key that could write roles or addresses would.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from covey.errors import FieldError, Forbidden, Invalid

ACTIONS: Final = ("read", "create", "update", "delete")
SURFACES: Final = (
    *("jobs", "realtime", "schema:read", "schema:write", "statistics"),
    *("webhooks:read", "webhooks:write"),
)
EVERY: Final = "*"
WRITES: Final = "writes"  # a need that any write anywhere meets, where each is then asked for
READS: Final = "reads"  # a need that any read anywhere meets, where each is then asked for
USERS: Final = "users"
MAX_COLLECTIONS = 100
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Scopes:
    """Actions by collection, and surfaces."""

    collections: Mapping[str, frozenset[str]] = field(default_factory=dict, hash=False)
    surfaces: frozenset[str] = frozenset()

    def allow(self, action: str, collection: str) -> bool:
        """Whether this action on this collection is among them."""
        if collection == USERS and action != "read":
            return False
        own = self.collections.get(collection, frozenset())
        return action in own or action in self.collections.get(EVERY, frozenset())

    def meet(self, need: str, collection: str = "") -> bool:
        """Whether they meet what a route needs: an action on `collection`, or a surface."""
        if need == WRITES:
            return any(given - {"read"} for given in self.collections.values())
        if need == READS:
            return any("read" in given for given in self.collections.values())
        if need in ACTIONS:
            return self.allow(need, collection)
        return need in self.surfaces

    def document(self) -> dict[str, Any]:
        """As JSON; `stored` reads it."""
        return {
            "collections": {
                name: [one for one in ACTIONS if one in given]
                for name, given in sorted(self.collections.items())
            },
            "surfaces": sorted(self.surfaces),
        }


def stored(document: Mapping[str, Any]) -> Scopes:
    """The scopes of `Scopes.document`."""
    return Scopes(
        {name: frozenset(given) for name, given in document["collections"].items()},
        frozenset(document["surfaces"]),
    )


def asked(collections: object, surfaces: object) -> Scopes:
    """The scopes that a request asks for; raises Invalid for all faults at once."""
    faults = [*_collection_faults(collections), *_surface_faults(surfaces)]
    if not faults and not collections and not surfaces:
        faults = [FieldError("scopes", "required", "must give something")]
    _raise(faults)
    made = stored({"collections": collections or {}, "surfaces": surfaces or []})
    _raise(_blind(made))
    return made


def not_allowed(why: str = "This API key was not given what this needs.") -> Forbidden:
    """The answer to a key that lacks a scope, whether what it asks for exists or not."""
    return Forbidden(why, code="key_not_allowed")


def _raise(faults: Sequence[FieldError]) -> None:
    if faults:
        raise Invalid(f"{faults[0].field} {faults[0].message}.", errors=faults)


def _collection_faults(collections: object) -> list[FieldError]:
    if collections is None:
        return []
    if not isinstance(collections, dict) or len(collections) > MAX_COLLECTIONS:
        wrong = f"must be an object of at most {MAX_COLLECTIONS} collections"
        return [FieldError("scopes", "wrong_type", wrong)]
    faults = []
    for name, given in collections.items():
        place = f"scopes.{name[:64]}"
        if name != EVERY and not _NAME.fullmatch(name):
            faults.append(FieldError(place, "invalid", "is no name of a collection"))
        elif not isinstance(given, list) or not given or any(one not in ACTIONS for one in given):
            faults.append(FieldError(place, "invalid", f"must list some of {', '.join(ACTIONS)}"))
        elif name == USERS and given != ["read"]:
            faults.append(FieldError(place, "invalid", "is only read by keys"))
    return faults


def _surface_faults(surfaces: object) -> list[FieldError]:
    known = isinstance(surfaces, list) and all(one in SURFACES for one in surfaces)
    if surfaces is None or known:
        return []
    return [FieldError("surfaces", "invalid", f"must list some of {', '.join(SURFACES)}")]


def _blind(made: Scopes) -> list[FieldError]:
    """Who changes a record must see it: such a scope would never let anything through."""
    return [
        FieldError(f"scopes.{name}", "invalid", "needs read, to update or delete")
        for name, given in made.collections.items()
        if given & {"update", "delete"}
        and "read" not in given | made.collections.get(EVERY, frozenset())
    ]
