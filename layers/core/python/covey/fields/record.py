"""One record's body against its collection."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from covey.errors import FieldError, Invalid
from covey.expressions import Scope
from covey.fields.convert import converted
from covey.fields.defaults import default_value
from covey.fields.fault import FieldFault
from covey.fields.registry import validate_value
from covey.fields.size import stored_size
from covey.fields.suggestion import did_you_mean
from covey.records.model import SYSTEM_FIELDS, Record
from covey.records.time import parse_rfc3339

if TYPE_CHECKING:
    from covey.collections.model import Collection

MAX_SIZE = 350 * 1024  # of DynamoDB's 400 KB; the rest is for keys, indexes and system fields
MAX_ERRORS = 100
MAX_HINTS = 10  # a body of ten thousand unknown names does not buy ten thousand comparisons


def validate_record(
    collection: Collection,
    body: Mapping[str, Any],
    *,
    before: Record | None = None,
    partial: bool = False,
    scope: Scope | None = None,
) -> dict[str, Any]:
    """The values that the record has after a write, in the order of the fields.

    Null means no value and is not kept. With `partial`, names that `body` leaves out keep their
    value of `before`, unchecked; else they get their default, which may read `scope`. A system
    field is taken only where `before` has the same: what was read may be sent back whole.

    Raises Invalid with every fault (at most 100): unknown and system fields, values that their
    fields cannot hold, required fields without a value, a record over 350 KB.
    """
    if not isinstance(body, Mapping):
        raise Invalid("A record is a JSON object.")
    writing = _Writing(collection, dict(before.values) if partial and before else {})
    sent_back = before.document() if before else {}
    for name, value in body.items():
        if name in collection.fields:
            writing.put(name, value)
        elif name not in SYSTEM_FIELDS or sent_back.get(name) != value:
            writing.refuse(name)
    if not partial:
        for name in collection.fields.keys() - body.keys():
            writing.put_default(name, scope)
    writing.check_required(body if partial else collection.fields)
    return writing.finished()


def expires_at(collection: Collection, values: Mapping[str, Any]) -> int | None:
    """When a record with these values ends, in seconds since the epoch, or None for never."""
    field = collection.expiry
    text = values.get(field.name) if field else None
    return None if text is None else -(-parse_rfc3339(text) // 1000)


class _Writing:
    """Values and faults while a body is read."""

    def __init__(self, collection: Collection, values: dict[str, Any]) -> None:
        self._collection = collection
        self._values = values
        self._errors: list[FieldError] = []
        self._faulty: set[str] = set()
        self._hints = 0

    def put(self, name: str, value: Any) -> None:
        if value is None:
            self._values.pop(name, None)
            return
        try:
            field = self._collection.fields[name]
            self._values[name] = validate_value(value, field)
            if name in self._collection.converting:
                converted(self._values[name], field, self._collection.converting[name])
        except FieldFault as fault:
            self._fault(name, fault)

    def put_default(self, name: str, scope: Scope | None) -> None:
        try:
            value = default_value(self._collection.fields[name], scope)
        except FieldFault as fault:
            self._fault(name, fault)
        else:
            if value is not None:
                self._values[name] = value

    def refuse(self, name: Any) -> None:
        if name in SYSTEM_FIELDS:
            self._add(str(name), "read_only", "is set by the system")
            return
        self._hints += 1
        hint = did_you_mean(name, self._collection.fields) if self._hints <= MAX_HINTS else ""
        shown = str(name)[:64].encode("utf-8", "replace").decode()
        self._add(shown, "unknown_field", f"is not a field of {self._collection.name}{hint}")

    def check_required(self, names: Mapping[str, Any]) -> None:
        for name in names:
            field = self._collection.fields.get(name)
            if field and field.required and name not in self._values and name not in self._faulty:
                self._add(name, "required", "must have a value")

    def finished(self) -> dict[str, Any]:
        fields, values = self._collection.fields, self._values
        result = {name: values[name] for name in fields if name in values}
        if not self._errors and stored_size(result) > MAX_SIZE:
            self._add("", "too_large", f"must take at most {MAX_SIZE} bytes in all")
        if self._errors:
            raise Invalid(_summary(self._errors), errors=self._errors[:MAX_ERRORS])
        return result

    def _fault(self, name: str, fault: FieldFault) -> None:
        self._faulty.add(name)
        path = ".".join(str(part) for part in chain((name,), fault.path))
        self._add(path, fault.code, fault.message)

    def _add(self, field: str, code: str, message: str) -> None:
        self._errors.append(FieldError(field, code, message))


def _summary(errors: list[FieldError]) -> str:
    first = errors[0]
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{first.field or 'The record'} {first.message}{more}."
