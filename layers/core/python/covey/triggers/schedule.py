"""A slot of a schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from covey.records.time import now_ms, parse_rfc3339, rfc3339
from covey.triggers.clock import Context

SECOND = 1000


def schedule_handler(
    work: Callable[[str, Context], Mapping[str, Any]],
) -> Callable[[Mapping[str, Any], Context], Mapping[str, Any]]:
    """A Lambda callable that gives `work` the slot, as text: ``2026-01-31T09:30:00.000Z``.

    EventBridge delivers at least once and states the slot as the event's time, so that work
    can be keyed by it. An event without a time (invoked by hand) is a slot of its own.
    """

    def handler(event: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
        return work(slot_of(event), context)

    return handler


def slot_of(event: Mapping[str, Any]) -> str:
    """The slot of a schedule's event."""
    stated = event.get("time") or event.get("<aws.scheduler.scheduled-time>")
    if isinstance(stated, str):
        return rfc3339(parse_rfc3339(stated))
    return rfc3339(now_ms() // SECOND * SECOND)
