"""A page of a list, and of a search, as Python has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from covey.records.counting import Count

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Records in order; `next` is the cursor of the next page, or None at the end.

    `prev` is that of the page before, None on the first. `count` is how many there are on all
    pages, where that was asked for.
    """

    items: tuple[R, ...]
    next: str | None = None
    count: Count | None = None
    prev: str | None = None

    def __iter__(self) -> Iterator[R]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Hits(Generic[R]):
    """Records that a search found, best first, and the score of each.

    `complete` is False where a budget ended before all that may match was looked at.
    """

    items: tuple[R, ...]
    scores: tuple[float, ...]
    next: str | None = None
    complete: bool = True

    def __iter__(self) -> Iterator[R]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
