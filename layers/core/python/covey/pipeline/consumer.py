"""What keeps something up to date from the changes of records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from covey.collections.model import Collection
from covey.records.model import Change


class Consumer(Protocol):
    """Makes something follow from records: totals, postings, versions, deliveries."""

    @property
    def name(self) -> str:
        """What it is called in logs, dead letters and metrics: small letters, digits, hyphens."""
        ...

    def wants(self, collection: Collection) -> bool:
        """Whether it has anything to do for this collection."""
        ...

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        """Take the changes of one collection, in the order in which they came.

        A batch may come again, in part or as a whole, and late: also a change from before one
        that was taken, hours after it. The outcome must depend on the record and the change with
        its highest `sequence` alone, or each change must be done under a name of its own (its
        collection, id and sequence). Raises when any was not applied; it then gets all of them
        again, in smaller parts, and what fails alone becomes a dead letter. `Unavailable` says
        that a dependency is away: the stream then waits for a while.
        """
        ...
