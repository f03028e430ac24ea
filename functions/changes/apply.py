"""Table changes make follow what follows from records: totals, search, history, deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from covey.triggers.changes import Record, stream_handler
from covey.triggers.clock import Context, time_left
from covey.triggers.queue import from_queue, queue_handler
from covey.wiring import services

RESERVE_MS = 15_000  # of the function's minute: what a consumer may still take for its part


def apply(records: Sequence[Record], context: Context) -> str | None:
    """Give a batch to all consumers."""
    told = [services().told_of(record) for record in records]
    return services().pipeline.take(told, time_left(context, RESERVE_MS, 40))


def redrive(order: dict[str, Any], context: Context) -> None:
    """Take up dead letters once more."""
    services().redriver.carry_out(order, time_left(context, RESERVE_MS, 40))


_changes, _orders = stream_handler(apply), queue_handler(redrive)


def handler(event: Mapping[str, Any], context: Context) -> Any:
    """Changes, or orders to re-drive: here, where consumers may touch what they need."""
    return _orders(event, context) if from_queue(event) else _changes(event, context)
