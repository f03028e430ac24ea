"""A page of a list, as Python has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from covey.records.counting import Count

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Records in order; `next` is the cursor of the next page, or None at the end.

    `count` is how many there are on all pages, where that was asked for.
    """

    items: tuple[R, ...]
    next: str | None = None
    count: Count | None = None

    def __iter__(self) -> Iterator[R]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
