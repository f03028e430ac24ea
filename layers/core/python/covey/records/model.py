"""A record and a change of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from covey.records.time import rfc3339

SYSTEM_FIELDS = ("id", "created", "updated", "version")


@dataclass(frozen=True, slots=True)
class Record:
    """One document of a collection.

    `created`, `updated` are milliseconds since the epoch; `version` starts at 1 and rises by
    one with each write; `values` holds the declared fields by name, JSON-ready: text, int,
    Decimal, bool, None, list, dict, and canonical strings for dates (RFC 3339, UTC,
    milliseconds, so that their order as text is their order in time). `expires` is in
    seconds, as DynamoDB's expiry wants it. `by` is the scope of who wrote this version, in
    collections with a history.
    """

    id: str
    created: int
    updated: int
    version: int
    values: Mapping[str, Any] = field(default_factory=dict)
    expires: int | None = None
    by: str | None = None

    def document(self) -> dict[str, Any]:
        """The record as its JSON document, system fields first."""
        created = rfc3339(self.created)
        return {
            "id": self.id,
            "created": created,
            "updated": created if self.updated == self.created else rfc3339(self.updated),
            "version": self.version,
            **self.values,
        }

    @property
    def etag(self) -> str:
        """The strong entity tag of this version (RFC 9110, 8.8.3)."""
        return f'"{self.version}"'


_PARTS = tuple(getattr(Record, name).__set__ for name in Record.__slots__)


def made(
    record_id: str,
    created: int,
    updated: int,
    version: int,
    values: Mapping[str, Any],
    expires: int | None,
    by: str | None,
) -> Record:
    """`Record` in a third of the time: a list makes hundreds.

    A frozen class sets each attribute by name, past its own guard; this does it by the slots.
    """
    record = object.__new__(Record)
    set_id, set_created, set_updated, set_version, set_values, set_expires, set_by = _PARTS
    set_id(record, record_id)
    set_created(record, created)
    set_updated(record, updated)
    set_version(record, version)
    set_values(record, values)
    set_expires(record, expires)
    set_by(record, by)
    return record


class ChangeKind(StrEnum):
    """What a write did."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """One committed write of one record, in the order of its versions.

    `sequence` is the stream's own position, opaque and ordered within a shard; `at` is when it
    was written, in milliseconds as exact as the stream tells, 0 where it does not. A change of
    kind DELETED has no `after` and carries the version of `before`.
    """

    collection: str
    id: str
    version: int
    kind: ChangeKind
    before: Record | None
    after: Record | None
    sequence: str = ""
    at: int = 0
