"""Every hour: files that no record took, or that nothing holds any more, are removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.triggers.clock import Context, time_left
from covey.triggers.schedule import schedule_handler
from covey.wiring import services

RESERVE_MS = 10_000


def run(slot: str, context: Context) -> Mapping[str, Any]:
    """Sweep; a slot that comes twice finds nothing left to do."""
    parts = services()
    left = time_left(context, RESERVE_MS, most_s=240.0)
    swept = parts.keeping.sweep(left)

    def every() -> Any:
        parts.catalog.refresh()
        return parts.catalog.all()

    return {**swept, "files_of_no_field": parts.keeping.fieldless(every, left)}


handler = schedule_handler(run)
