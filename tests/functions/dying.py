"""Functions in processes of their own, each of which kills itself at one of its calls of the table.

A zygote imports the handlers and forks a process for each order, a line of JSON on its input:
``{"handler": "functions.changes.apply", "event": {…}, "call": 3, "when": "before"}``. At the call
of this number, from 1 on, the process ends by SIGKILL, before it is sent or after it was answered;
call 0 lets it live. Its clock is ``ahead`` milliseconds ahead, so that leases of the dead have
ended. The answer is how it ended: 0, or minus its signal.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Lambda:
    """The context of an invocation that has time."""

    aws_request_id = "1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Zygote:
    """The test's end."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(
        self, handler: str, event: Any, call: int = 0, when: str = "before", ahead: int = 0
    ) -> int:
        """How the process ended."""
        order = {"handler": handler, "event": event, "call": call, "when": when, "ahead": ahead}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def zygote(*handlers: str) -> Iterator[Zygote]:
    """A zygote with these handlers, in the environment of now."""
    program = [sys.executable, "-m", "tests.functions.dying", *handlers]
    process = subprocess.Popen(
        program,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "LOG_LEVEL": "CRITICAL"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield Zygote(process)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def main(handlers: list[str]) -> None:
    """Fork for each order."""
    known = {name: importlib.import_module(name).handler for name in handlers}
    _warm()
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(_work(known[order["handler"]], order))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


def _warm() -> None:
    """Import what the functions import when they are first called, once for all."""
    from covey.wiring import services

    importlib.import_module("covey.aws.queues")
    services().pipeline  # noqa: B018 - it makes its parts, which reach for nothing yet
    services().schedule_tick  # noqa: B018
    services.cache_clear()


def _work(handler: Any, order: Mapping[str, Any]) -> int:
    from covey.aws.queues import SqsJobQueue
    from covey.records import time as clock
    from covey.store.transport import LeanTransport

    now_ms, ahead = clock.now_ms, order["ahead"]
    clock.now_ms = lambda: now_ms() + ahead

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # metrics are not the answer
    numbers, call = count(1), LeanTransport.call

    def dying(self: Any, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        number = next(numbers)  # of several threads
        if (number, order["when"]) == (order["call"], "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        answer = call(self, operation, request)
        if (number, order["when"]) == (order["call"], "after"):
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    LeanTransport.call = dying  # type: ignore[method-assign]
    SqsJobQueue.send = lambda *_, **__: None  # type: ignore[method-assign]
    answer = handler(order["event"], Lambda())
    failed = isinstance(answer, dict) and answer.get("batchItemFailures")
    return 1 if failed else 0


if __name__ == "__main__":
    main(sys.argv[1:])
