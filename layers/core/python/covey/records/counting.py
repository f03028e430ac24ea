"""How many records a list has on all its pages, as far as its caller may see.

Nothing is counted that the caller could not list: what the read rule or expiry hides never adds
to a number, nor does it serve to scale one up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from covey.errors import BadRequest, FieldError
from covey.identity import authorize as access
from covey.records.asking import Asking
from covey.records.model import Record
from covey.records.ports import Page, Query, RecordStore, Tally

LastCount = Callable[[str], int | None]


class CountKind(StrEnum):
    """What a count is worth."""

    EXACT = "exact"
    ESTIMATED = "estimated"
    AT_LEAST = "at_least"


@dataclass(frozen=True, slots=True)
class Count:
    """A number and its kind."""

    number: int
    kind: CountKind


def no_count(collection: str) -> int | None:
    """Nothing is known of a collection's size."""
    return None


@dataclass(frozen=True, slots=True)
class Counting:
    """One list to count: the query as it is listed, and what is accepted of it."""

    store: RecordStore
    asking: Asking
    query: Query
    accept: Callable[[Record], bool]
    last_count: LastCount

    def of(self, wanted: str, page: Page) -> Count:
        """The count, ``exact`` or ``estimated`` as wanted; a page that is all is its own count.

        Raises BadRequest (code count_budget) where an exact count would examine more than the
        budget.
        """
        if self.query.cursor is None and page.next is None:
            return Count(len(page.records), CountKind.EXACT)
        if wanted == "exact":
            tally = self._tally()
            if not tally.complete:
                raise self._over_budget()
            return Count(tally.found, CountKind.EXACT)
        return self._estimate(page)

    def _estimate(self, page: Page) -> Count:
        """By the last statistics, scaled by what a filter takes of a sample.

        Only for a caller who sees every record: for others the size of the collection, and the
        share of it that they may see, would speak of what is hidden from them.
        """
        collection = self.asking.collection
        sees_all = access.list_rule(self.asking.principal, collection) is None
        total = self.last_count(collection.name) if sees_all else None
        if total is not None and self.query.where is None:
            return Count(max(total, len(page.records)), CountKind.ESTIMATED)
        tally = self._tally()
        if tally.complete:
            return Count(tally.found, CountKind.EXACT)
        if total is None or tally.bounded:
            return Count(tally.found, CountKind.AT_LEAST)
        estimate = tally.found * max(total, tally.examined) // tally.examined
        return Count(max(estimate, tally.found), CountKind.ESTIMATED)

    def _tally(self) -> Tally:
        now_s = self.asking.now // 1000
        return self.store.tally(self.asking.collection, self.query, self.accept, now_s)

    def _over_budget(self) -> BadRequest:
        message = (
            f"More than {self.query.budget} records would have to be read. "
            "Ask for count=estimated, or filter by an index that holds fewer"
        )
        return BadRequest(
            f"{message}.",
            code="count_budget",
            errors=[FieldError("count", "count_budget", message)],
        )
