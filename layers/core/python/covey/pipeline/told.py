"""A record of the table's stream, as the pipeline is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from covey.records.model import Change


@dataclass(frozen=True, slots=True)
class Told:
    """`image` is the stream's own form, from which it can be read again.

    `change` is None for what changed no version of a record, and where it could not be read:
    `fault` then says why, `collection` and `record` whose it was as far as its key tells. `at` is
    when it was written, in milliseconds, 0 where the stream does not tell.
    """

    sequence: str
    image: Mapping[str, Any]
    change: Change | None = None
    fault: Exception | None = None
    collection: str = ""
    record: str = ""
    at: int = 0

    @property
    def written(self) -> int:
        """When the change was made, in milliseconds."""
        return self.at if self.change is None else written(self.change)


def written(change: Change) -> int:
    """When a change was made, in milliseconds: as the record says, which is exact."""
    return change.at if change.after is None else change.after.updated
