"""What keeps something up to date from the changes of records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from covey.collections.model import Collection
from covey.records.model import Change


class Consumer(Protocol):
    """Keeps something that follows from records: totals, postings, versions."""

    @property
    def name(self) -> str:
        """What the log calls it."""
        ...

    def wants(self, collection: Collection) -> bool:
        """Whether it keeps anything of this collection."""
        ...

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        """Take the changes of one collection, in the order in which they came.

        A batch may come again, in part or as a whole, and late: the outcome must depend on the
        record and the change with its highest `sequence` alone. Raises when any was not applied;
        it then gets all of them again.
        """
        ...
