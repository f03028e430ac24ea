"""Files that records hold, as far as writing records goes: the port, and what has none.

A file belongs to one record: the transaction that writes the record takes it, on the condition
that nobody else has.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from covey.collections.model import Collection, Field
from covey.errors import FieldError, Invalid
from covey.records.asking import Asking
from covey.records.model import Record

NOT_FOUND = "file_not_found"


class Attachments(Protocol):
    """Takes files for records; `covey.files.attaching` does."""

    def together(self) -> Attachments:
        """The same for writes of one transaction, which takes each file once."""
        ...

    def taking(
        self,
        asking: Asking,
        record: Record,
        *,
        before: Mapping[str, Any],
        own: Names[str] = (),
    ) -> list[dict[str, Any]]:
        """Raw items for the transaction that writes the record, and takes its new files.

        Those that `before` has are its own. Others were reserved for the field by this caller and
        are ready; or they have been this record's, in one of the fields `own` or by this caller.
        Raises Invalid (codes file_not_found, file_not_ready, duplicate_item).
        """
        ...

    def released(self, collection: Collection, record: Record) -> list[dict[str, Any]]:
        """Raw items for the transaction after which nothing brings this record back."""
        ...


class NoAttachments:
    """Where there are no files: a record may keep those that it has."""

    def together(self) -> NoAttachments:
        """As `Attachments.together`."""
        return self

    def taking(
        self,
        asking: Asking,
        record: Record,
        *,
        before: Mapping[str, Any],
        own: Names[str] = (),
    ) -> list[dict[str, Any]]:
        """As `Attachments.taking`."""
        faults = [
            fault(field, position, NOT_FOUND)
            for field, position, file_id in held(asking.collection, record.values)
            if file_id not in ids_of(field, before.get(field.name))
        ]
        refuse(faults)
        return []

    def released(self, collection: Collection, record: Record) -> list[dict[str, Any]]:
        """As `Attachments.released`."""
        return []


_WORDS = {
    NOT_FOUND: "names no file that you reserved for it",
    "file_not_ready": "names a file that is not ready",
    "duplicate_item": "names a file that stands elsewhere already",
}


def fault(field: Field, position: int, code: str) -> FieldError:
    """The fault of one file."""
    return FieldError(f"{field.name}.{position}" if field.list else field.name, code, _WORDS[code])


def refuse(faults: Sequence[FieldError]) -> None:
    """Raise Invalid where there are any."""
    if faults:
        raise Invalid(f"{faults[0].field} {faults[0].message}.", errors=faults[:100])


def ids_of(field: Field, value: Any) -> tuple[str, ...]:
    """The ids that the value of a file field holds."""
    found = value if field.list else [value]
    return tuple(one for one in found or () if isinstance(one, str))


def held(collection: Collection, values: Mapping[str, Any]) -> list[tuple[Field, int, str]]:
    """Every file of these values, with its field and its place there."""
    return [
        (field, position, file_id)
        for name, field in collection.fields.items()
        if field.type == "file"
        for position, file_id in enumerate(ids_of(field, values.get(name)))
    ]


def field_of(collection: Collection, values: Mapping[str, Any], file_id: str) -> Field | None:
    """The field that holds a file; None where none does."""
    return next((field for field, _, one in held(collection, values) if one == file_id), None)
