"""One call to the records service: who asks, of which collection, at which moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from covey.collections.model import Collection
from covey.collections.scope import RecordScope
from covey.identity import authorize as access
from covey.identity.principal import Kind, Principal
from covey.records.drafts import Rights
from covey.records.model import Record
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

    def visible(self, collection: Collection, record: Record) -> dict[str, Any] | None:
        """The record as this caller may see it now; None when it is not theirs or has expired."""
        if has_expired(record, self.now) and self.principal.kind is not Kind.SYSTEM:
            return None
        return access.visible(
            self.principal, collection, record, now=self.now, request=self.request
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
        )

    def rights(self, record: Record) -> Rights:
        """What the caller may do with the fields of a record as it is."""
        return Rights(
            access.readable_fields(
                self.principal, self.collection, record, now=self.now, request=self.request
            ),
            access.writable_fields(
                self.principal, self.collection, record, now=self.now, request=self.request
            ),
        )

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
