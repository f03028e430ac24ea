"""Changes of records for a function of the team's own: each alone, failures handed back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from covey.pipeline.record_change import RecordChange
from covey.triggers.clock import Context
from covey.triggers.queue import Handler, message_handler

__all__ = ["RecordChange", "each_change"]


def each_change(work: Callable[[RecordChange], None]) -> Handler:
    """A Lambda callable that gives each change to `work`; a decorator.

    What raises comes back after the visibility time-out, at last to the dead letters, while its
    neighbours are done. A change may come more than once, and after a later one of its record.

    >>> @each_change
    ... def handler(change: RecordChange) -> None:
    ...     print(change.kind, change.record["title"])
    """

    def take(message: Mapping[str, Any], _context: Context) -> None:
        work(RecordChange.of(message))

    return message_handler(take)
