"""What aggregates ask of a store: a mark per record, and totals that change with the marks.

`covey.store.totals.DynamoTotals` and `covey.testing.totals.MemoryTotals` implement it and pass
the same tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from covey.aggregates.shares import Number, Scalar, Shares
from covey.collections.model import Aggregate, Collection


@dataclass(frozen=True, slots=True)
class Held:
    """A share as it was counted: `group` and `extremes` are the store's own names for things."""

    group: str
    numbers: Mapping[str, Number] = field(default_factory=dict)
    extremes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mark:
    """What the totals have of a record, and by which change.

    `sequence` is that of the last change applied, "" before the first. `revision` rises with
    each write of the mark; 0 is a mark that is not there.
    """

    id: str
    sequence: str = ""
    revision: int = 0
    held: Mapping[int, Held] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """A mark as it was read, and what the record adds now: by the change `sequence`.

    `changed` is when that change was made, in milliseconds, None where nothing changed.
    """

    mark: Mark
    sequence: str
    shares: Shares
    changed: int | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """One group: how many records, sums and numbers of values by field key.

    `group` is the store's own name of it, `values` what it is of; `changed` is when the newest
    change that it has counted was made, in milliseconds. `cut` says that texts were too long to
    be kept with it whole, so that nothing can be said of whether they meet a condition.
    """

    group: str
    values: tuple[Scalar, ...]
    count: int
    sums: Mapping[str, Number] = field(default_factory=dict)
    present: Mapping[str, int] = field(default_factory=dict)
    changed: int = 0
    cut: bool = False


class TooManyGroupsError(Exception):
    """There are more groups than may be read."""


class Totals(Protocol):
    """Where marks and totals are kept."""

    def marks(self, collection: Collection, ids: Sequence[str]) -> dict[str, Mark]:
        """The mark of each record, read consistently; 1 read unit each."""
        ...

    def held(self, collection: Collection, record_id: str, shares: Shares) -> Mapping[int, Held]:
        """What a mark would hold of these shares."""
        ...

    def bring(self, collection: Collection, steps: Sequence[Step]) -> list[str]:
        """Bring marks to these shares and the totals with them; each record at most once.

        A mark and all that follows from it change together or not at all. The ids of those
        whose mark was no longer as it was read are answered: nothing is done of them. What was
        held for aggregates that the collection has no longer is forgotten.
        """
        ...

    def totals(
        self, collection: Collection, aggregate: Aggregate, first: Sequence[Scalar], most: int
    ) -> list[Total]:
        """The groups whose first values are these, those without records left out.

        In the order of their values. Raises TooManyGroupsError when more than `most` items would
        be read.
        """
        ...

    def extreme(
        self, collection: Collection, aggregate: Aggregate, group: str, key: str, *, greatest: bool
    ) -> Scalar:
        """The least or greatest value of a field in a group; None where there is none."""
        ...

    def walk(
        self, collection: Collection, place: str, limit: int
    ) -> tuple[Sequence[Mark], str | None]:
        """Up to `limit` marks that hold something, from a place on ("" at first), and the next."""
        ...

    def clean(self, collection: Collection, limit: int) -> int:
        """Remove up to `limit` items of aggregates that are no more, and groups without records.

        How many were removed; fewer than `limit` when there is nothing left.
        """
        ...
