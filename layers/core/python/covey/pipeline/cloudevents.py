"""A change as the outside is told of it: CloudEvents 1.0, as structured JSON.

One shape for webhooks, the team's own functions and the command line. The record is as it was
stored, not as it is now: two changes make two events that tell different things.
"""

from __future__ import annotations

from typing import Any

from covey.collections.model import Collection
from covey.records.model import Change, ChangeKind, Record
from covey.records.time import rfc3339

CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"
SEQUENCE_DIGITS = 40  # of DynamoDB's sequence numbers, at most


def event_type(kind: ChangeKind) -> str:
    """The `type` of an event of this kind: ``covey.record.created``."""
    return f"covey.record.{kind}"


def event_id(change: Change) -> str:
    """The `id` of a change's event: the same however often the change comes."""
    return f"{change.collection}/{change.id}/{change.sequence}"


def event(
    change: Change, collection: Collection, source: str, *, hidden: bool = False
) -> dict[str, Any]:
    """The event of a change, JSON-ready; `source` is a URI that is not empty.

    `data.record` is the record after the write, or as it last was where it was deleted;
    `data.before` what an update replaced. Hidden fields are in neither unless `hidden` says so.
    `sequence` (the extension of that name) orders the events of one record as text. `time` is
    left out where nobody knows it.
    """
    told: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id(change),
        "source": source,
        "type": event_type(change.kind),
        "subject": f"{change.collection}/{change.id}",
        "datacontenttype": "application/json",
    }
    if when := _time(change):
        told["time"] = rfc3339(when)
    if change.sequence:
        told["sequence"] = change.sequence.zfill(SEQUENCE_DIGITS)
    return {**told, "data": _data(change, collection, hidden)}


def _time(change: Change) -> int:
    """When it was written: as the stream says, else as the record does."""
    if change.at or change.after is None:
        return change.at
    return change.after.updated


def _data(change: Change, collection: Collection, hidden: bool) -> dict[str, Any]:
    record = change.after or change.before
    if record is None:
        return {"record": {"id": change.id}}
    data = {"record": _document(record, collection, hidden)}
    if change.before is not None and change.after is not None:
        data["before"] = _document(change.before, collection, hidden)
    return data


def _document(record: Record, collection: Collection, hidden: bool) -> dict[str, Any]:
    document = record.document()
    if not hidden:
        for name, field in collection.fields.items():
            if field.hidden:
                document.pop(name, None)
    return document
