"""Who refers to whom: relations that say what deleting their target does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from covey.collections.model import Collection, Field

RESTRICT, CASCADE, CLEAR = "restrict", "cascade", "clear"


def referring_fields(collection: Collection) -> list[Field]:
    """The relations of a collection that say so."""
    return [one for one in collection.fields.values() if "on_delete" in one.options]


def referring(
    collections: Iterable[Collection], to: str, *modes: str
) -> Iterator[tuple[Collection, Field]]:
    """The relations to a collection with one of these modes, all where none is named."""
    for collection in collections:
        for field in referring_fields(collection):
            if field.options["to"] == to and (not modes or field.options["on_delete"] in modes):
                yield collection, field


def target_ids(field: Field, value: Any) -> list[str]:
    """The ids that a relation's value holds."""
    if value is None:
        return []
    return list(value) if field.list else [value]
