"""The operations of a batch, from its JSON: their shape alone, before anything is looked at."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from covey.errors import BadRequest, FieldError, TooLarge
from covey.records.conditions import UNCONDITIONAL, Conditions

MAX_OPERATIONS = 100
MAX_ERRORS = 100
REFERENCE = "$id"
Method = Literal["create", "upsert", "update", "replace", "delete"]

# What an operation takes beside its method and collection: what it must have, what it may have.
_PARTS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "create": (frozenset({"body"}), frozenset()),
    "upsert": (frozenset({"body", "by"}), frozenset()),
    "update": (frozenset({"id", "body"}), frozenset({"if_match"})),
    "replace": (frozenset({"id", "body"}), frozenset({"if_match"})),
    "delete": (frozenset({"id"}), frozenset({"if_match"})),
}
_TYPES: Final[Mapping[str, tuple[type, str]]] = {
    "collection": (str, "text"),
    "id": (str, "text"),
    "if_match": (str, 'text, such as "\\"3\\""'),
    "body": (dict, "an object"),
    "by": (list, "a list of fields"),
}
_KEYS = ("method", *_TYPES)


@dataclass(frozen=True, slots=True)
class Operation:
    """One write of a batch, and its place in it."""

    position: int
    method: Method
    collection: str
    id: str = ""
    body: Mapping[str, Any] | None = None
    conditions: Conditions = UNCONDITIONAL
    by: tuple[str, ...] = ()

    @property
    def record(self) -> tuple[str, str] | None:
        """The record it names, as far as the batch tells: a new one may have no id yet."""
        named = self.id or (self.body or {}).get("id")
        return (self.collection, named) if isinstance(named, str) else None


@dataclass(frozen=True, slots=True)
class Batch:
    """Operations, to be done all or none when `atomic`, else each by itself."""

    atomic: bool
    operations: tuple[Operation, ...]


def parse_batch(document: Mapping[str, Any]) -> Batch:
    """The batch of a request's body.

    Raises BadRequest ``invalid_batch`` with every fault by its place, TooLarge
    ``batch_too_large`` for over 100 operations. In an atomic batch no two name one record.
    """
    faults: list[FieldError] = []

    def fault(place: str, message: str) -> None:
        faults.append(FieldError(place, "invalid_batch", message))

    atomic = document.get("atomic", True)
    if not isinstance(atomic, bool):
        fault("atomic", "must be true or false")
    for name in sorted(document.keys() - {"atomic", "operations"}):
        fault(name[:64], _unknown(name, ("atomic", "operations")))
    stated = document.get("operations")
    if not isinstance(stated, list) or not stated:
        fault("operations", "must be a list of one operation or more")
        stated = []
    if len(stated) > MAX_OPERATIONS:
        raise TooLarge(f"A batch takes {MAX_OPERATIONS} operations.", code="batch_too_large")
    operations = [_operation(number, one, fault) for number, one in enumerate(stated)]
    whole = tuple(one for one in operations if one is not None)
    if atomic is True:
        _each_record_once(whole, fault)
    if faults:
        raise BadRequest(
            f"{faults[0].field} {faults[0].message}.",
            code="invalid_batch",
            errors=faults[:MAX_ERRORS],
        )
    return Batch(atomic is True, whole)


def _operation(position: int, stated: Any, fault: Callable[[str, str], None]) -> Operation | None:
    place = f"operations.{position}"
    if not isinstance(stated, dict):
        fault(place, "must be an object")
        return None
    method = stated.get("method")
    if not isinstance(method, str) or method not in _PARTS:
        fault(f"{place}.method", f"must be one of {', '.join(_PARTS)}")
        return None
    found = [*_misplaced(method, stated), *_mistyped(stated)]
    for name, message in found:
        fault(f"{place}.{name[:64]}", message)
    if found:
        return None
    try:
        conditions = Conditions.parse(stated.get("if_match"), None)
    except BadRequest as error:
        fault(f"{place}.if_match", error.detail.removeprefix("If-Match ").removesuffix("."))
        return None
    return Operation(
        position,
        method,  # type: ignore[arg-type]  # one of the keys, as looked up above
        stated["collection"],
        stated.get("id", ""),
        stated.get("body"),
        conditions,
        tuple(stated.get("by", ())),
    )


def _misplaced(method: str, stated: Mapping[str, Any]) -> list[tuple[str, str]]:
    needed, allowed = _PARTS[method]
    needed = needed | {"collection"}
    missing = [
        (name, f"is missing: {method} needs it") for name in _KEYS if name in needed - stated.keys()
    ]
    surplus: list[tuple[str, str]] = []
    for name in stated:
        if name not in _KEYS:
            surplus.append((name, _unknown(name, _KEYS)))
        elif name not in needed | allowed | {"method"}:
            hint = "; the id of a new record stands in its body" if name == "id" else ""
            surplus.append((name, f"is not for {method}{hint}"))
    return missing + surplus


def _mistyped(stated: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [
        (name, f"must be {described}")
        for name, (kind, described) in _TYPES.items()
        if name in stated and not isinstance(stated[name], kind)
    ]
    by = stated.get("by", ["one"])
    if isinstance(by, list) and not (by and all(isinstance(name, str) for name in by)):
        found.append(("by", "must name the fields of a unique tuple"))
    return found


def _unknown(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name[:64], known, 1)
    return f"is not known here; did you mean {near[0]}?" if near else "is not known here"


def _each_record_once(operations: Sequence[Operation], fault: Callable[[str, str], None]) -> None:
    """A transaction takes one write per record."""
    first: dict[tuple[str, str], int] = {}
    for one in operations:
        if one.record is None:
            continue
        position = first.setdefault(one.record, one.position)
        if position != one.position:
            fault(
                f"operations.{one.position}",
                f"is on the record of operation {position}: an atomic batch writes each once",
            )
