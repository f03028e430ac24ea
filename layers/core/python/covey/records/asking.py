"""One call to the records service: who asks, of which collection, at which moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from covey.collections.model import Collection
from covey.collections.scope import Reads, RecordScope
from covey.expressions import Expression
from covey.identity import authorize as access
from covey.identity.principal import Kind, Principal
from covey.records.drafts import Rights
from covey.records.model import Record
from covey.records.ports import Foreseeing
from covey.records.query import WHOLE, Show


def has_expired(record: Record, now: int) -> bool:
    """Whether the record's time has come, at `now` in milliseconds, though it is still stored."""
    return record.expires is not None and record.expires * 1000 <= now


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks what of which collection, and when: the same moment for every rule of a call."""

    principal: Principal
    collection: Collection
    now: int
    request: Mapping[str, Any]
    show: Show = WHOLE
    read: Reads | None = None  # the other records that rules read, each once per call

    def visible(self, collection: Collection, record: Record) -> dict[str, Any] | None:
        """The record as this caller may see it now; None when it is not theirs or has expired."""
        if has_expired(record, self.now) and self.principal.kind is not Kind.SYSTEM:
            return None
        return access.visible(
            self.principal,
            collection,
            record,
            now=self.now,
            request=self.request,
            read=self.read,
        )

    def foresee(self, collection: Collection, records: Sequence[Record]) -> None:
        """Read together what `visible` of these records is going to ask for."""
        access.foresee(
            self.principal,
            collection,
            records,
            now=self.now,
            request=self.request,
            read=self.read,
        )

    def authorize(
        self,
        action: access.Action,
        record: Record,
        before: Record | None = None,
        written: tuple[str, ...] = (),
    ) -> None:
        """Raise unless the rules let this caller do it."""
        access.authorize(
            self.principal,
            action,
            self.collection,
            record,
            before=before,
            changed_fields=written,
            now=self.now,
            request=self.request,
            read=self.read,
        )

    def rights(self, record: Record) -> Rights:
        """What the caller may do with the fields of a record as it is."""
        more: dict[str, Any] = {"now": self.now, "request": self.request, "read": self.read}
        return Rights(
            access.readable_fields(self.principal, self.collection, record, **more),
            access.writable_fields(self.principal, self.collection, record, **more),
        )

    def seen(self, where: Expression | None) -> Seen:
        """What a list under this filter accepts, and the documents of it."""
        if access.looks_ahead(self.principal, self.collection):
            return Ahead(self, where)
        return Seen(self, where)

    def scope(self, record: Record) -> RecordScope:
        """Where filters and defaults read their names."""
        return RecordScope(
            self.collection,
            record,
            old=None,
            auth=self.principal,
            now=self.now,
            request=self.request,
        )


class Seen:
    """What a list accepts, and the documents of it, by id."""

    def __init__(self, asking: Asking, where: Expression | None) -> None:
        self._asking = asking
        self._where = where
        self.documents: dict[str, dict[str, Any]] = {}

    def __call__(self, record: Record) -> bool:
        """Whether the filter holds and the caller may see the record."""
        if not self._wanted(record):
            return False
        document = self._asking.visible(self._asking.collection, record)
        if document is not None:
            self.documents[record.id] = document
        return document is not None

    def _wanted(self, record: Record) -> bool:
        return self._where is None or self._where.holds(self._asking.scope(record))


class Ahead(Seen, Foreseeing):
    """The same, where the rules read other records: those of a page together."""

    def foresee(self, records: Sequence[Record]) -> None:
        """As `covey.records.ports.Foreseeing`."""
        wanted = [record for record in records if self._wanted(record)]
        self._asking.foresee(self._asking.collection, wanted)
