"""Schedules: ``!schedules`` by name; a tick reads all in one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, DoesNotExist, PutError
from pynamodb.expressions.condition import Condition

from covey import json
from covey.schedules.model import CatchUp, Overlap, Schedule, Source
from covey.store import keys
from covey.store.models.base import Item, refused

_ENUMS: dict[str, Any] = {"catch_up": CatchUp, "overlap": Overlap, "source": Source}


class ScheduleItem(Item):
    """A schedule, its revision apart so that saves can be conditional on it."""

    revision = NumberAttribute()
    schedule = UnicodeAttribute()


class DynamoScheduleStore:
    """The port `ScheduleStore` over the table."""

    def all(self) -> Sequence[Schedule]:
        """1 read unit per 4 KB."""
        found = ScheduleItem.query(keys.schedule("")[0], consistent_read=True)
        return [_schedule(item) for item in found]

    def get(self, name: str) -> Schedule | None:
        """1 read unit."""
        try:
            return _schedule(ScheduleItem.get(*keys.schedule(name), consistent_read=True))
        except DoesNotExist:
            return None

    def save(self, before: Schedule | None, after: Schedule) -> Schedule | None:
        """1 write unit per KB."""
        free: Condition = ScheduleItem.revision.does_not_exist()
        if before is not None:
            free = ScheduleItem.revision == before.revision
        saved = replace(after, revision=(before.revision if before else 0) + 1)
        state = {name: getattr(saved, name) for name in Schedule.__slots__}
        item = ScheduleItem(*keys.schedule(after.name), schedule=json.encode(state))
        item.revision = saved.revision
        try:
            item.save(condition=free)
        except PutError as error:
            if refused(error):
                return None
            raise
        return saved

    def remove(self, schedule: Schedule) -> bool:
        """1 write unit."""
        item = ScheduleItem(*keys.schedule(schedule.name))
        try:
            item.delete(condition=ScheduleItem.revision == schedule.revision)
        except DeleteError as error:
            if refused(error):
                return False
            raise
        return True


def _schedule(item: ScheduleItem) -> Schedule:
    state = json.decode(item.schedule.encode())
    for name, kind in _ENUMS.items():
        state[name] = kind(state[name])
    return Schedule(**{**state, "revision": int(item.revision)})
