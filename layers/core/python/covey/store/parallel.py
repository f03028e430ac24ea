"""Reads side by side: a few threads that stay, each with its own kept-alive connection.

Threads outlive a request because a connection's TLS handshake costs more than a read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import lru_cache
from typing import Generic, TypeVar

from covey.insight import meter

THREADS = 8
T = TypeVar("T")


def together(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """The results of the tasks, in order, the first of which runs in this thread.

    Each runs in a copy of the caller's context, but with a meter of its own: the caller's gets
    the sums when all have ended. Then the first failure is raised, if there was one. Tasks must
    not call this again: with every thread waiting for another, none would go on.
    """
    if len(tasks) <= 1:
        return [task() for task in tasks]
    done = [_Done(task) for task in tasks]
    futures = [_pool(os.getpid()).submit(copy_context().run, one.run) for one in done[1:]]
    try:
        copy_context().run(done[0].run)
    finally:
        wait(futures)
    meter.join(one.spent for one in done)
    return [one.result() for one in done]


class _Done(Generic[T]):
    """A task, what it cost, and what came of it."""

    def __init__(self, task: Callable[[], T]) -> None:
        self._task = task
        self._found: list[T] = []
        self._failure: Exception | None = None
        self.spent = meter.Meter()

    def run(self) -> None:
        self.spent = meter.reset()
        try:
            self._found.append(self._task())
        except Exception as error:  # noqa: BLE001 - raised again by the caller of `together`
            self._failure = error

    def result(self) -> T:
        if self._failure is not None:
            raise self._failure
        return self._found[0]


@lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    # By process: the threads of a parent are not there in its fork.
    return ThreadPoolExecutor(THREADS, thread_name_prefix="covey-read")
