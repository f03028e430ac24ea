"""The queues of jobs: one for those of records, one for each priority of tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from covey.jobs.queue import JobQueue


class Lanes:
    """A `JobQueue` that sends a message by the lane that it names, else by the first."""

    def __init__(self, main: JobQueue, lanes: Mapping[str, Callable[[], JobQueue]]) -> None:
        """`lanes` are made when they are first used; one that there is not goes by the main one."""
        self._main = main
        self._lanes = lanes
        self._made: dict[str, JobQueue] = {}

    def send(self, body: Mapping[str, Any], delay_s: int = 0) -> None:
        """Queue a message."""
        lane = str(body.get("lane", ""))
        if lane in self._lanes and lane not in self._made:
            self._made[lane] = self._lanes[lane]()
        self._made.get(lane, self._main).send(body, delay_s)
