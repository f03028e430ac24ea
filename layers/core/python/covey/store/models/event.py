"""The audit log: ``!audit.{day}`` by time; `x` is the expiry attribute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from covey import json
from covey.identity.audit import Event
from covey.identity.ports import Place
from covey.records.ids import IdMaker, created_of, is_auto
from covey.records.time import now_ms
from covey.store import keys
from covey.store.models.base import Item

DAYS = 31  # that one call looks through


class EventItem(Item):
    """One event, its id the sort key."""

    kind = UnicodeAttribute()
    user = UnicodeAttribute(default="")
    actor = UnicodeAttribute(default="")
    address = UnicodeAttribute(default="")
    agent = UnicodeAttribute(default="")
    detail = UnicodeAttribute(default="{}")
    expires = NumberAttribute(attr_name="x")


class DynamoAuditStore:
    """The port `AuditStore` over the table."""

    def __init__(self) -> None:
        self._make_id = IdMaker().make

    def add(self, event: Event, expires: int) -> None:
        """1 write unit."""
        id = self._make_id(event.at)
        EventItem(
            *keys.audit(_day(event.at), id),
            kind=event.kind,
            user=event.user,
            actor=event.actor,
            address=event.place.address,
            agent=event.place.agent,
            detail=json.encode(dict(event.detail)),
            expires=expires,
        ).save()

    def newest(self, limit: int, before: str = "", user: str = "") -> Sequence[Event]:
        """0.5 read units per day looked through, and per 4 KB."""
        if before and not is_auto(before):
            return []
        found = (event for event in self._backwards(before) if not user or event.user == user)
        return list(islice(found, limit))

    def _backwards(self, before: str) -> Iterator[Event]:
        last = datetime.fromtimestamp((created_of(before) if before else now_ms()) / 1000, UTC)
        for back in range(DAYS):
            day = (last - timedelta(days=back)).strftime("%Y%m%d")
            older: Any = EventItem.sk < before if before else None
            for item in EventItem.query(keys.audit(day, "")[0], older, scan_index_forward=False):
                yield _event(item)


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y%m%d")


def _event(item: EventItem) -> Event:
    return Event(
        kind=item.kind,
        at=created_of(item.sk),
        user=item.user,
        actor=item.actor,
        place=Place(item.address, item.agent),
        detail=json.decode(item.detail.encode()),
        id=item.sk,
    )
