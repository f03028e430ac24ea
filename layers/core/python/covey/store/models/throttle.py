"""Counted attempts: ``!attempts.{hash}``; the hash names the limit, its window and who tries."""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute
from pynamodb.exceptions import UpdateError

from covey.store import keys
from covey.store.models.base import Item, refused


class AttemptsItem(Item):
    """The attempts of one window."""

    attempts = NumberAttribute()
    expires = NumberAttribute(attr_name="x")


class DynamoAttemptStore:
    """The port `AttemptStore` over the table."""

    def take(self, key: str, limit: int, expires: int) -> bool:
        """1 write unit, also when refused."""
        try:
            AttemptsItem(*keys.attempts(key)).update(
                [AttemptsItem.attempts.add(1), AttemptsItem.expires.set(expires)],
                condition=AttemptsItem.attempts.does_not_exist() | (AttemptsItem.attempts < limit),
            )
        except UpdateError as exc:
            if refused(exc):
                return False
            raise
        return True

    def count(self, key: str, amount: int, expires: int) -> int:
        """1 write unit."""
        item = AttemptsItem(*keys.attempts(key))
        item.update([AttemptsItem.attempts.add(amount), AttemptsItem.expires.set(expires)])
        return int(item.attempts)

    def give_back(self, key: str) -> None:
        """1 write unit."""
        try:
            AttemptsItem(*keys.attempts(key)).update(
                [AttemptsItem.attempts.add(-1)], condition=AttemptsItem.attempts > 0
            )
        except UpdateError as exc:
            if not refused(exc):
                raise
