"""Indexes and unique claims as they are written, and the slots they take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from covey.collections.model import (
    COVERING_SLOTS,
    KEYS_ONLY_SLOTS,
    Collection,
    Field,
    Index,
    IndexPart,
)
from covey.collections.reader import Reader
from covey.fields import REGISTRY
from covey.fields.suggestion import did_you_mean

MAX_PARTS = 4
MAX_UNIQUE = 10
MAX_INDEXES = len(COVERING_SLOTS) + len(KEYS_ONLY_SLOTS)
TIMES = ("created", "updated")

MAX_GEO = 4
Wanted = tuple[tuple[IndexPart, ...], bool, bool]  # the parts, whether it covers, whether of places


class FieldNames:
    """The fields of a document, also those that have faults of their own.

    A faulty field is None: it is a name that exists, of which nothing else is known.
    """

    def __init__(self, fields: Mapping[str, Field | None]) -> None:
        self.fields = fields

    def fault(self, name: Any, also: Iterable[str] = ()) -> str:
        """Why `name` cannot be part of an index or claim, or nothing."""
        if name in also:
            return ""
        if not isinstance(name, str) or name not in self.fields:
            return f"has no field {name!r}{did_you_mean(name, [*self.fields, *also])}"
        field = self.fields[name]
        if field is None:
            return ""
        if field.list or not REGISTRY[field.type].scalar:
            return f"cannot use {name}: it is a {'list' if field.list else field.type} field"
        return ""


def read_indexes(
    reader: Reader, names: FieldNames, keys: Mapping[str, str], previous: Collection | None
) -> tuple[tuple[Index, ...], int]:
    """The indexes, also of places, those that were there with their number and slot; and the next
    number.

    An index was there when its fields have the same physical `keys`, whatever their names.
    """
    wanted: list[Wanted] = []
    for position, written in enumerate(reader.sequence("indexes", MAX_INDEXES)):
        path = f"indexes.{position}"
        index = _index(written, path, names, reader)
        if index is None:
            continue
        if index[0] in [parts for parts, *_ in wanted]:
            reader.faults.add(path, "invalid", "is there twice")
        else:
            wanted.append(index)
    wanted += _places_wanted(reader, names)
    return _placed(wanted, keys, previous, reader)


def _index(written: Any, path: str, names: FieldNames, reader: Reader) -> Wanted | None:
    covering = True
    if isinstance(written, Mapping):
        inner = Reader(written, path, reader.faults)
        inner.refuse_unknown(("fields", "covering"))
        covering = inner.flag("covering") if "covering" in written else True
        path, written = f"{path}.fields", written.get("fields")
    if not isinstance(written, list | tuple) or not 1 <= len(written) <= MAX_PARTS:
        message = f"must be a list of 1 to {MAX_PARTS} fields, such as [author, -created]"
        reader.faults.add(path, "invalid", message)
        return None
    parts = []
    for part in written:
        name = part.removeprefix("-") if isinstance(part, str) else part
        if message := names.fault(name, TIMES):
            reader.faults.add(path, "invalid", message)
            return None
        parts.append(IndexPart(name, part.startswith("-")))
    return _sensible(tuple(parts), covering, path, reader)


def _sensible(
    parts: tuple[IndexPart, ...], covering: bool, path: str, reader: Reader
) -> Wanted | None:
    if len({part.field for part in parts}) < len(parts):
        reader.faults.add(path, "invalid", "must not name a field twice")
        return None
    if [part.field for part in parts] == ["created"]:
        reader.faults.add(path, "invalid", "is not needed: records are in order of creation")
        return None
    return parts, covering, False


def _places_wanted(reader: Reader, names: FieldNames) -> list[Wanted]:
    wanted: list[Wanted] = []
    for position, name in enumerate(reader.sequence("geo", MAX_GEO)):
        known = isinstance(name, str) and name in names.fields
        field = names.fields[name] if known else None
        if not known:
            reader.fault(f"geo.{position}", names.fault(name))
        elif field is not None and field.type != "geo":
            reader.fault(f"geo.{position}", f"must be a geo field, and {name} is {field.type}")
        elif (part := (IndexPart(name),)) in [parts for parts, *_ in wanted]:
            reader.fault(f"geo.{position}", "is there twice")
        else:
            wanted.append((part, True, True))
    return wanted


def _placed(
    wanted: list[Wanted], keys: Mapping[str, str], previous: Collection | None, reader: Reader
) -> tuple[tuple[Index, ...], int]:
    """Slots for the wanted indexes: one that was there stays, a new one takes a free slot."""
    kept = _places(previous) if previous else {}
    physical = [(_physical(parts, keys), covering, geo) for parts, covering, geo in wanted]
    taken = {kept[index].slot for index in physical if index in kept}
    number = previous.next_index if previous else 0
    placed = []
    for (parts, covering, geo), identity in zip(wanted, physical, strict=True):
        if identity in kept:
            placed.append(replace(kept[identity], parts=parts))
            continue
        slots = COVERING_SLOTS if covering else KEYS_ONLY_SLOTS
        slot = next((slot for slot in slots if slot not in taken), None)
        if slot is None:
            sort = "covering" if covering else "not covering"
            reader.fault("indexes", f"has more than {len(slots)} indexes that are {sort}")
            break
        taken.add(slot)
        placed.append(Index(parts, number, slot, geo))
        number += 1
    return tuple(placed), number


Physical = tuple[tuple[str, bool], ...]


def _physical(parts: tuple[IndexPart, ...], keys: Mapping[str, str]) -> Physical:
    return tuple((keys.get(part.field, f"-{part.field}"), part.descending) for part in parts)


def _places(collection: Collection) -> dict[tuple[Physical, bool, bool], Index]:
    keys = {name: field.key for name, field in collection.fields.items()}
    every = (*collection.indexes, *collection.geo)
    return {(_physical(i.parts, keys), i.covering, i.geo): i for i in every}


def read_unique(reader: Reader, names: FieldNames) -> tuple[tuple[str, ...], ...]:
    """The claims: lists of fields whose values together belong to one record."""
    claims: list[tuple[str, ...]] = []
    for position, written in enumerate(reader.sequence("unique", MAX_UNIQUE)):
        path = f"unique.{position}"
        claim = _claim(written, path, names, reader)
        if claim is None:
            continue
        if set(claim) in [set(other) for other in claims]:
            reader.faults.add(path, "invalid", "is there twice")
        else:
            claims.append(claim)
    return tuple(claims)


def _claim(written: Any, path: str, names: FieldNames, reader: Reader) -> tuple[str, ...] | None:
    if not isinstance(written, list | tuple) or not 1 <= len(written) <= MAX_PARTS:
        message = f"must be a list of 1 to {MAX_PARTS} fields, such as [email]"
        reader.faults.add(path, "invalid", message)
        return None
    for name in written:
        if message := names.fault(name):
            reader.faults.add(path, "invalid", message)
            return None
    if len(set(written)) < len(written):
        reader.faults.add(path, "invalid", "must not name a field twice")
        return None
    return tuple(written)


def dump_indexes(indexes: Iterable[Index]) -> list[Any]:
    """The indexes as they are written."""
    return [_dump_index(index) for index in indexes]


def _dump_index(index: Index) -> Any:
    parts = [str(part) for part in index.parts]
    return parts if index.covering else {"fields": parts, "covering": False}
