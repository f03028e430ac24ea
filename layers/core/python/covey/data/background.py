"""Background tasks in Python: queue one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from covey import json
from covey.tasks.service import Order, checked_arguments
from covey.wiring import services


def enqueue(
    task: str,
    *,
    delay: float | timedelta = 0,
    unique: str | bool = False,
    priority: str = "normal",
    **arguments: Any,
) -> str:
    """Have a task run in the background, at least once; the id of its job (``/jobs/{id}``).

    `delay` is in seconds, up to a year. Of one `unique` key (True: these very arguments) one task
    at a time is queued or runs: while one does, nothing is queued and its id is returned.
    `priority` is ``high``, ``normal`` or ``low``. All else is given to the task, as JSON brings
    it back; at most 32,000 bytes. Raises `covey.errors.Invalid` for what could never run.

        enqueue("thumbnail", file="0qn…", delay=30, unique=True)
    """
    seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
    key = json.encode(sorted(checked_arguments(arguments).items())) if unique is True else unique
    return services().tasks.enqueue(task, arguments, Order(seconds, key or "", priority))
