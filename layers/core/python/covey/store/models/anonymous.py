"""Anonymous users by when to look for them: ``!anonymous``, ``{seconds}.{user}``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covey.store import keys
from covey.store.models.base import Item


class AnonymousItem(Item):
    """One to look for; its key says all."""


class DynamoAnonymousStore:
    """The port `AnonymousStore` over the table."""

    def creation(self, user: str, due: int) -> dict[str, Any]:
        """2 write units, in a transaction."""
        return AnonymousItem(*keys.anonymous(due, user)).put_if_new()

    def due(self, now: int, limit: int) -> Sequence[tuple[int, str]]:
        """1 read unit per 4 KB."""
        pk, end = keys.anonymous(now + 1, "")
        found = AnonymousItem.query(pk, AnonymousItem.sk < end, consistent_read=True, limit=limit)
        pairs = (str(item.sk).split(".", 1) for item in found)
        return [(int(due), user) for due, user in pairs]

    def postpone(self, user: str, due: int, later: int) -> None:
        """2 write units."""
        AnonymousItem(*keys.anonymous(later, user)).save()
        self.forget(user, due)

    def forget(self, user: str, due: int) -> None:
        """1 write unit."""
        AnonymousItem(*keys.anonymous(due, user)).delete()
