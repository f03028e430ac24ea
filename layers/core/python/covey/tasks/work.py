"""Runs a task: the work of kind ``task``.

The function runs in a thread; beside it the job is saved every few seconds, which keeps its lease,
shows its lines and progress, and finds out that somebody cancelled it. A task that is to stop has
an exception raised inside it, between two of its own steps: one that waits inside a call of the
operating system hears it when that returns, and is left behind if it does not in `GRACE_S`.
"""

from __future__ import annotations

import contextlib
import ctypes
import inspect
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from covey import json
from covey.errors import Unavailable
from covey.jobs.model import KEPT_SECONDS, Job, Status
from covey.jobs.runner import Save
from covey.records.time import now_ms
from covey.tasks import running
from covey.tasks.lines import Lines, Listener, shortened
from covey.tasks.ports import TaskStore
from covey.tasks.registry import Registry, Task
from covey.tasks.running import Cancelled, GiveUp, Run, TimedOut

KIND = "task"
BEAT_S = 5.0
GRACE_S = 2.0
FIRST_WAIT_MS, LONGEST_WAIT_MS = 10_000, 3_600_000
MAX_RESULT = 16_000
LONGEST_ERROR = 2_000
_log = logging.getLogger(__name__)


def wait_ms(attempt: int, draw: Callable[[], float] = random.random) -> int:
    """How long to wait after so many attempts: doubling, half of it at random.

    So that what failed together does not come again together ("Exponential backoff and jitter",
    AWS Architecture Blog: equal jitter).
    """
    whole = min(LONGEST_WAIT_MS, FIRST_WAIT_MS << min(attempt - 1, 20))
    return round(whole / 2 + draw() * whole / 2)


@dataclass(slots=True)
class _Outcome:
    value: Any = None
    error: BaseException | None = None
    ended: threading.Event = field(default_factory=threading.Event)


class TaskWork:
    """Calls the function, once for each attempt."""

    def __init__(
        self,
        registry: Callable[[], Registry],
        store: TaskStore,
        *,
        now: Callable[[], int] = now_ms,
        draw: Callable[[], float] = random.random,
        beat_s: float = BEAT_S,
    ) -> None:
        self._registry = registry
        self._store = store
        self._now = now
        self._draw = draw
        self._beat_s = beat_s

    def __call__(self, job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        """One attempt, to its end: done, for later, or given up."""
        task = self._registry().tasks.get(job.detail["task"])
        retries = self._retries(job, task)
        if job.attempt > retries:
            ended = f"Its runner ended before it did, {job.attempt} times."
            return self._given_up(job, save, job.error or ended)
        job = save(replace(job, attempt=job.attempt + 1))
        lines = Lines(self._now, job.log)
        why = self._unfit(task, job)
        if task is None or why:
            return self._given_up(job, save, why, lines)
        job, outcome = self._called(task, job, save, lines)
        if outcome.error is None:
            result = {"returned": _told(outcome.value)}
            return save(replace(job, status=Status.DONE, result=result, error="", log=lines.kept()))
        return self._failed(job, save, outcome.error, retries, lines)

    def _retries(self, job: Job, task: Task | None) -> int:
        return int(job.detail.get("retries", task.retries if task else 0))

    def _unfit(self, task: Task | None, job: Job) -> str:
        """Why no attempt can help, or nothing."""
        if task is None:
            fault = self._registry().fault
            return fault or f"There is no task called {job.detail['task']}."
        try:
            inspect.signature(task.function).bind(**job.detail["arguments"])
        except TypeError as misfit:
            return f"The arguments do not fit {task.name}: {misfit}."
        return ""

    def _called(self, task: Task, job: Job, save: Save, lines: Lines) -> tuple[Job, _Outcome]:
        detail = job.detail
        run = Run(
            job.id,
            task.name,
            job.attempt,
            detail.get("schedule", ""),
            detail.get("slot", ""),
            lines,
        )
        listener = Listener(lines, lambda: running.is_here(run))
        outcome = _Outcome()
        seconds = float(detail.get("timeout", task.timeout))
        thread = threading.Thread(
            target=copy_context().run,
            args=(_within, run, task.function, _plain(detail["arguments"]), outcome),
            daemon=True,
        )
        root = logging.getLogger()
        root.addHandler(listener)
        try:
            thread.start()
            job = self._attended(job, save, run, thread, outcome, seconds)
        finally:
            root.removeHandler(listener)
        return job, outcome

    def _attended(
        self,
        job: Job,
        save: Save,
        run: Run,
        thread: threading.Thread,
        outcome: _Outcome,
        seconds: float,
    ) -> Job:
        """Wait for its end, saying every while how far it is; raises LostLease.

        It does not go on alone where that cannot be said any more, except while the database is
        away: it may be back before the lease ends.
        """
        end = time.monotonic() + seconds
        while not outcome.ended.wait(max(0.0, min(self._beat_s, end - time.monotonic()))):
            if time.monotonic() >= end:
                _stop(thread, outcome, TimedOut)
                outcome.error = TimedOut(f"It was not done in {seconds:g} seconds.")
                break
            try:
                job = save(_shown(job, run))
            except Unavailable:
                continue
            except BaseException:
                run.cancelled = True
                _stop(thread, outcome, Cancelled)
                raise
        return _shown(job, run)

    def _failed(
        self, job: Job, save: Save, error: BaseException, retries: int, lines: Lines
    ) -> Job:
        told = shortened(f"{type(error).__name__}: {error}", LONGEST_ERROR)
        lines.add(told, "ERROR")
        _log.warning("attempt %d of job %s failed: %s", job.attempt, job.id, told)
        if job.attempt > retries or isinstance(error, GiveUp):
            return self._given_up(job, save, told, lines)
        later = self._now() + wait_ms(job.attempt, self._draw)
        return save(
            replace(job, status=Status.WAITING, not_before=later, error=told, log=lines.kept())
        )

    def _given_up(self, job: Job, save: Save, why: str, lines: Lines | None = None) -> Job:
        # Listed first: what is listed and did not fail is not shown.
        self._store.bury(job.id, job.created)
        kept = (self._now() - job.created) // 1000 + KEPT_SECONDS
        log = lines.kept() if lines else job.log
        return save(replace(job, status=Status.FAILED, error=why, log=log, kept=kept))


def _within(
    run: Run, function: Callable[..., Any], arguments: Mapping[str, Any], outcome: _Outcome
) -> None:
    running.enter(run)
    try:
        outcome.value = function(**arguments)
    except BaseException as error:  # noqa: BLE001 - also SystemExit: it is the task that ends
        outcome.error = error
    # What is to stop it may come when it has ended.
    with contextlib.suppress(TimedOut, Cancelled):
        outcome.ended.set()
    outcome.ended.set()


def _stop(thread: threading.Thread, outcome: _Outcome, why: type[Exception]) -> None:
    """Raise inside the thread, and give it a while to end."""
    if outcome.ended.is_set() or thread.ident is None:
        return
    with contextlib.suppress(ValueError):
        raised = ctypes.py_object(why)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), raised)
    if not outcome.ended.wait(GRACE_S):
        _log.warning("a task does not stop; its thread is left behind")


def _shown(job: Job, run: Run) -> Job:
    position = {**job.position, "offset": run.done} if run.total else job.position
    return replace(job, log=run.lines.kept(), done=run.done, total=run.total, position=position)


def _plain(value: Any) -> Any:
    """As the standard library reads JSON: tasks give numbers to what knows no Decimal."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _told(value: Any) -> Any:
    """What a task returned, where it is JSON and not long."""
    try:
        text = json.encode(value)
        return json.decode(text.encode()) if len(text) <= MAX_RESULT else None
    except Exception:  # noqa: BLE001 - whatever it returned, it was done
        return None
