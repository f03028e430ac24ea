"""A change of a record as the team's own code gets it: read from its CloudEvent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["created", "updated", "deleted"]
_PREFIX = "covey.record."


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One committed change of one record.

    `record` is the whole document after the write, or as it last was where it was deleted;
    `before` what an update replaced. `key` names the change however often it comes: what must
    happen once is remembered under it. `sequence` orders the changes of one record as text; they
    may come in another order. `time` is RFC 3339, "" where nobody knows it. Of a record too large
    for a message only its id is there.
    """

    collection: str
    id: str
    kind: Kind
    record: Mapping[str, Any]
    before: Mapping[str, Any] | None
    key: str
    sequence: str
    time: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> RecordChange:
        """The change that an event tells of; raises ValueError for what is none."""
        try:
            kind = event["type"].removeprefix(_PREFIX)
            if kind not in ("created", "updated", "deleted"):
                raise ValueError(f"an event of type {event['type']!r} is no change of a record")
            collection, _, record_id = event["subject"].partition("/")
            data = event["data"]
            return cls(
                collection=collection,
                id=record_id,
                kind=kind,
                record=data["record"],
                before=data.get("before"),
                key=event["id"],
                sequence=event.get("sequence", ""),
                time=event.get("time", ""),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("this is no event of a change") from error

    @property
    def version(self) -> int:
        """Which version of the record it made, or ended; 0 where the message had no room."""
        return int(self.record.get("version", 0))

    def changed(self, name: str) -> bool:
        """Whether the field has another value than before; of a new record, whether it has one."""
        before = None if self.before is None else self.before.get(name)
        return bool(self.record.get(name) != before)
