"""Beside jobs: what is due, keys that one job has, jobs that were given up; `x` is the expiry."""

from __future__ import annotations

from collections.abc import Sequence

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PutError
from pynamodb.expressions.condition import Condition

from covey.jobs.model import KEPT_SECONDS
from covey.store import keys
from covey.store.models.base import Item, refused
from covey.tasks.ports import Due, Held


class DueItem(Item):
    """A job to be asked for."""

    lane = UnicodeAttribute()


class HeldItem(Item):
    """A key, and the job that has it."""

    job = UnicodeAttribute()
    since = NumberAttribute()
    until = NumberAttribute()
    expires = NumberAttribute(attr_name="x")


class BuriedItem(Item):
    """A job that was given up."""

    job = UnicodeAttribute()
    expires = NumberAttribute(attr_name="x")


class DynamoTaskStore:
    """The port `TaskStore` over the table."""

    def plan(self, due: Due) -> None:
        """1 write unit."""
        DueItem(*keys.due(due.at, due.job), lane=due.lane).save()

    def due(self, until: int, limit: int) -> Sequence[Due]:
        """0.5 read units for each of eight partitions."""
        found: list[Due] = []
        for partition in keys.due_partitions():
            entries = DueItem.query(
                partition, DueItem.sk < keys.due(until + 1, "")[1], limit=max(1, limit // 8)
            )
            found += [Due(*keys.due_of(entry.sk), entry.lane) for entry in entries]
        return sorted(found, key=lambda due: due.at)

    def settle(self, due: Due) -> None:
        """1 write unit."""
        DueItem(*keys.due(due.at, due.job)).delete()

    def claim(self, key: str, held: Held, instead: Held | None = None) -> bool:
        """1 write unit, also when refused."""
        free: Condition = HeldItem.job.does_not_exist()
        if instead is not None:
            free = (HeldItem.job == instead.job) & (HeldItem.since == instead.since)
        item = HeldItem(*keys.held(key), job=held.job, since=held.since, until=held.until)
        item.expires = held.until // 1000 + 1
        try:
            item.save(condition=free)
        except PutError as error:
            if refused(error):
                return False
            raise
        return True

    def holder(self, key: str) -> Held | None:
        """1 read unit."""
        try:
            item = HeldItem.get(*keys.held(key), consistent_read=True)
        except DoesNotExist:
            return None
        return Held(item.job, int(item.since), int(item.until))

    def bury(self, job: str, created: int) -> None:
        """1 write unit; the list forgets when the job does, or a little later."""
        expires = max(created // 1000, 0) + 13 * KEPT_SECONDS
        BuriedItem(*keys.buried_job(created, job), job=job, expires=expires).save()

    def unbury(self, job: str, created: int) -> None:
        """1 write unit."""
        BuriedItem(*keys.buried_job(created, job)).delete()

    def buried(self, limit: int) -> Sequence[str]:
        """0.5 read units per 4 KB."""
        partition = keys.buried_job(0, "")[0]
        found = BuriedItem.query(
            partition, scan_index_forward=False, limit=limit, consistent_read=True
        )
        return [entry.job for entry in found]
