"""The twin of `covey.store.remains`: items that a test adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covey.errors import Invalid


class MemoryRemains:
    """`Remains` in a dictionary, by the item's ``key``."""

    def __init__(self) -> None:
        self.items: dict[str, Any] = {}

    def walk(self, place: str) -> tuple[list[Any], str | None]:
        """As `Remains.walk`, two items at a time."""
        after = sorted(key for key in self.items if key > place)
        page = [self.items[key] for key in after[:2]]
        return page, after[1] if len(after) > 2 else None

    def put(self, items: Sequence[Any]) -> None:
        """As `Remains.put`."""
        for item in items:
            self.check(item)
            self.items.setdefault(item["key"], item)

    def check(self, item: Any) -> None:
        """As `Remains.check`."""
        if not isinstance(item, dict) or not isinstance(item.get("key"), str):
            raise Invalid("An item has no key.", code="invalid_backup")
