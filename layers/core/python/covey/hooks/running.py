"""Before hooks run: one after the other, in the order in which they were declared.

What they refuse is told as they say it. Whatever else goes wrong is a fault of theirs and not of
the caller, who learns that and nothing of it; then nothing is written.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING

from covey.errors import CoveyError, Unavailable
from covey.hooks.write import Refused, Write

if TYPE_CHECKING:
    from covey.hooks.declaring import Before

DEEPEST = 4  # hooks whose writes call hooks whose writes …
SLOW_SECONDS = 1.0

_log = logging.getLogger(__name__)
_depth: ContextVar[int] = ContextVar("covey_hooks_depth", default=0)


def hooks_failed(detail: str = "") -> CoveyError:
    """What a caller is told of a fault of the team's hooks: that there is one."""
    return CoveyError(detail or "The hooks of this deployment failed.", code="hooks_failed")


def run(hooks: Sequence[Before], write: Write, clock: Callable[[], float] = time.monotonic) -> None:
    """Give the write to each hook; raises Refused, Unavailable, or CoveyError ``hooks_failed``."""
    depth = _depth.get()
    if depth >= DEEPEST:
        names = ", ".join(hook.name for hook in hooks)
        _log.error("hooks write and are called by it, %d deep: %s", depth, names)
        raise hooks_failed("The hooks of this deployment call themselves.")
    token = _depth.set(depth + 1)
    try:
        for hook in hooks:
            _run(hook, write, clock)
    finally:
        _depth.reset(token)


def _run(hook: Before, write: Write, clock: Callable[[], float]) -> None:
    began = clock()
    try:
        hook.call(write)
    except (Refused, Unavailable):
        raise
    except CoveyError as error:
        if error.code == "hooks_failed":  # a hook further in; it has been logged
            raise
        raise _fault(hook, write) from error
    except Exception as error:
        raise _fault(hook, write) from error
    spent = clock() - began
    if spent > SLOW_SECONDS:
        _log.warning("hook %s held a write up for %.1f s", hook.name, spent)


def _fault(hook: Before, write: Write) -> CoveyError:
    """Log the exception that is being handled; values stay out of the log."""
    _log.exception("hook %s failed on %s of %s", hook.name, write.action, write.collection)
    return hooks_failed()
