"""Records of the table's stream as changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from covey.collections.model import Collection
from covey.errors import NotFound, Unavailable
from covey.pipeline.told import Told
from covey.records.model import Change, ChangeKind, Record
from covey.store import keys
from covey.store.layout import layout_of


class Collections(Protocol):
    """Where the collection of a change is looked up."""

    def get(self, name: str) -> Collection:
        """The collection; raises NotFound."""
        ...


def change_from_stream(image: Mapping[str, Any], collections: Collections) -> Change | None:
    """The change that one stream record tells of, as Lambda passes it under ``Records``.

    None for items that are no records, for records of a collection that is gone, and for
    writes that changed no version: those of a backfill, which touch keys alone.
    """
    data = image["dynamodb"]
    name = keys.collection_of(data["Keys"]["pk"]["S"])
    if name is None:
        return None
    try:
        layout = layout_of(collections.get(name))
    except NotFound:
        return None
    before = layout.record(data["OldImage"]) if data.get("OldImage") else None
    after = layout.record(data["NewImage"]) if data.get("NewImage") else None
    change = _change(name, before, after, str(data.get("SequenceNumber", "")))
    at = int(data.get("ApproximateCreationDateTime", 0) * 1000)
    return replace(change, at=at) if change and at else change


def told_from_stream(image: Mapping[str, Any], collections: Collections) -> Told:
    """A stream record as the pipeline is told of it; one that cannot be read says why.

    Raises Unavailable where the catalog is.
    """
    data = image["dynamodb"]
    pk, record = data["Keys"]["pk"]["S"], data["Keys"]["sk"]["S"]
    place = Told(
        str(data.get("SequenceNumber", "")),
        image,
        collection=keys.collection_of(pk) or "",
        record=record,
        at=int(data.get("ApproximateCreationDateTime", 0) * 1000),
    )
    try:
        return replace(place, change=change_from_stream(image, collections))
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the neighbours must go on
        return replace(place, fault=error)


def _change(name: str, before: Record | None, after: Record | None, sequence: str) -> Change | None:
    if after is None:
        if before is None:
            return None
        return Change(name, before.id, before.version, ChangeKind.DELETED, before, None, sequence)
    if before is not None and before.version == after.version:
        return None
    kind = ChangeKind.CREATED if before is None else ChangeKind.UPDATED
    return Change(name, after.id, after.version, kind, before, after, sequence)
