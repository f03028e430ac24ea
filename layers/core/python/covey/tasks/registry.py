"""What a team's code offers to run: functions by name, and when some of them run."""

from __future__ import annotations

import importlib
import inspect
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

MAX_RETRIES = 10
MAX_TIMEOUT_S = 270  # what the function that runs tasks has, less what it needs itself
RESERVED = ("delay", "unique", "priority")  # what `enqueue` takes beside a task's arguments
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Task:
    """A function that can be queued; `timeout` is in seconds, of each attempt."""

    name: str
    function: Callable[..., Any]
    retries: int = 3
    timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class Planned:
    """A schedule that code declares: the document of `covey.schedules.document`."""

    name: str
    document: dict[str, Any]


class Registry:
    """Tasks and schedules by name."""

    def __init__(self) -> None:
        self.tasks: dict[str, Task] = {}
        self.schedules: dict[str, Planned] = {}
        self.fault = ""  # why the team's module could not be read

    def task(
        self, name: str | None = None, *, retries: int = 3, timeout: float = 60.0
    ) -> Callable[[F], F]:
        """Register a function as a task, under its own name unless another is given.

        The function stays what it is. Raises ValueError for what cannot be.
        """

        def register(function: F) -> F:
            self._add(name or _dashed(function), function, retries, timeout)
            return function

        return register

    def schedule(self, when: str, *, name: str | None = None, **options: Any) -> Callable[[F], F]:
        """Run a function by the clock: five fields of cron, or ``every 15 minutes``.

        `options` are those of a schedule's document: ``zone``, ``catch_up``, ``overlap``,
        ``retries``, ``timeout``, ``arguments``, … It becomes a task too, of the same name.
        """

        def register(function: F) -> F:
            called = name or _dashed(function)
            known = next((one for one in self.tasks.values() if one.function is function), None)
            if known is None:
                self._add(called, function, options.get("retries", 3), options.get("timeout", 60.0))
            if called in self.schedules:
                raise ValueError(f"there are two schedules called {called}")
            word, _, rate = when.strip().partition(" ")
            timing = {"every": rate} if word.lower() == "every" else {"cron": when}
            task = known.name if known else called
            document = {"name": called, **timing, "task": task, **options}
            self.schedules[called] = Planned(called, document)
            return function

        return register

    def _add(self, name: str, function: Callable[..., Any], retries: int, timeout: float) -> None:
        if not is_name(name):
            raise ValueError(f"{name!r} is no name of a task: a-z, 0-9, - and _, at most 63")
        if name in self.tasks:
            raise ValueError(f"there are two tasks called {name}")
        if not 0 <= retries <= MAX_RETRIES:
            raise ValueError(f"{name}: retries are 0 to {MAX_RETRIES}")
        if not 0 < timeout <= MAX_TIMEOUT_S:
            raise ValueError(f"{name}: a time-out is at most {MAX_TIMEOUT_S} seconds")
        if taken := set(RESERVED) & set(inspect.signature(function).parameters):
            raise ValueError(f"{name}: {taken.pop()} is a word of enqueue, not an argument")
        self.tasks[name] = Task(name, function, retries, timeout)


registry = Registry()  # of this process; filled when the team's module is imported
task = registry.task
schedule = registry.schedule


def loaded(module: str = "team.tasks") -> Registry:
    """The registry with what the team's module registers, imported when this is first asked.

    A module that cannot be imported leaves its reason in `fault`, for whoever needs a task.
    """
    tasks, schedules = dict(registry.tasks), dict(registry.schedules)
    registry.fault = ""
    try:
        importlib.import_module(module)
    except Exception as broken:  # noqa: BLE001 - a module may raise anything
        parents = (module, module.partition(".")[0])
        if isinstance(broken, ModuleNotFoundError) and broken.name in parents:
            return registry  # there is none
        registry.fault = f"{module} cannot be imported: {type(broken).__name__}: {broken}"
        registry.tasks, registry.schedules = tasks, schedules  # no half of it
        _log.exception("%s cannot be imported", module)
    return registry


def is_name(text: str) -> bool:
    """Whether a task may be called that."""
    return _NAME.fullmatch(text) is not None


def _dashed(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", "")).replace("_", "-")
