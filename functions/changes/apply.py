"""Table changes keep what follows from records: totals, search, history."""

from __future__ import annotations

from collections.abc import Sequence

from covey.records.model import Change
from covey.triggers.changes import changes_handler
from covey.wiring import services


def apply(changes: Sequence[Change]) -> None:
    """Give a batch to all consumers."""
    services().pipeline.apply(changes)


handler = changes_handler(lambda image: services().change_of(image), apply)
