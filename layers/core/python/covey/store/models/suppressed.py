"""Addresses that get no letters: ``!suppressed`` by address; `x` is the expiry attribute."""

from __future__ import annotations

import builtins
import time
from collections.abc import Callable

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, DoesNotExist

from covey.mail.suppressing import Suppressed
from covey.store import keys
from covey.store.models.base import Item, refused


class SuppressedItem(Item):
    """One address, its sort key."""

    reason = UnicodeAttribute()
    detail = UnicodeAttribute(default="")
    since = NumberAttribute()
    expires = NumberAttribute(attr_name="x")


class DynamoSuppressions:
    """The port `Suppressions` over the table."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    def add(self, one: Suppressed) -> None:
        """1 write unit."""
        SuppressedItem(
            *keys.suppressed(one.address),
            reason=one.reason,
            detail=one.detail,
            since=one.since,
            expires=one.expires,
        ).save()

    def get(self, address: str) -> Suppressed | None:
        """0.5 read units."""
        try:
            found = _suppressed(SuppressedItem.get(*keys.suppressed(address)))
        except DoesNotExist:
            return None
        return found if found.expires > self._clock() else None

    def list(self, after: str, limit: int) -> builtins.list[Suppressed]:
        """0.5 read units per 4 KB."""
        pk = keys.suppressed("")[0]
        above = SuppressedItem.sk > after if after else None
        lives = SuppressedItem.expires > int(self._clock())
        found = SuppressedItem.query(pk, above, lives, limit=limit)
        return [_suppressed(item) for item in found]

    def remove(self, address: str) -> bool:
        """1 write unit."""
        try:
            SuppressedItem(*keys.suppressed(address)).delete(
                condition=SuppressedItem.since.exists()
            )
        except DeleteError as error:
            if refused(error):
                return False
            raise
        return True


def _suppressed(item: SuppressedItem) -> Suppressed:
    return Suppressed(item.sk, item.reason, item.detail, int(item.since), int(item.expires))
