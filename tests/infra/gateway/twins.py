"""Twins for the gateway's tests: a clock that tests turn, functions in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.gateway.city import City, Function, Queue
from infra.gateway.invoker import Answer


class ManualClock:
    """Waiting takes next to no time: it moves the clock on."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.time = now
        self.naps: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        # In small steps, returning early: what runs meanwhile in threads must not seem to take
        # as long as what is waited for.
        if not event.is_set():
            self.time += min(seconds, 0.5)
        event.clear()
        await asyncio.sleep(0.0005)


class Functions:
    """An invoker over plain callables; what they raise is what Lambda would report."""

    def __init__(self, **handlers: Callable[[Any], Any]) -> None:
        self.handlers = handlers
        self.calls: list[tuple[str, Any]] = []
        self.kinds: list[str] = []

    async def invoke(
        self,
        function: str,
        event: Mapping[str, Any] | bytes,
        *,
        kind: str,
        timeout: float | None = None,
        label: str = "",
        request_id: str = "",
    ) -> Answer:
        document = json.loads(event if isinstance(event, bytes) else json.dumps(event))
        self.calls.append((function, document))
        self.kinds.append(kind)
        try:
            result = self.handlers[function](document)
            if asyncio.iscoroutine(result):
                result = await result
        except RefusedError as refusal:
            return Answer(None, {"errorType": refusal.kind, "errorMessage": ""}, 1.0, "r-1")
        except Exception as error:  # noqa: BLE001 - as the runtime does
            document = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return Answer(None, document, 1.0, "r-1")
        return Answer(json.dumps(result).encode(), None, 1.0, "r-1")


class RefusedError(Exception):
    """Ends an invocation with a given error type."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


def city(
    *, queues: tuple[Queue, ...] = (), functions: tuple[str, ...] = ("work",), **more: Any
) -> City:
    made = {
        name: Function(
            name=name,
            arn=f"arn:aws:lambda:eu-west-1:123456789012:function:{name}",
            handler="h.h",
            code=Path(),
            layers=(),
            environment={},
            timeout=3,
            memory_mb=128,
            concurrency=None,
        )
        for name in functions
    }
    return City(
        region="eu-west-1",
        account="123456789012",
        functions=made,
        http=None,
        sockets=more.get("sockets"),
        tables=(),
        queues={each.name: each for each in queues},
        buckets=more.get("buckets", {}),
        streams=more.get("streams", ()),
        queue_triggers=more.get("queue_triggers", ()),
        schedules=more.get("schedules", ()),
        uploads=more.get("uploads", ()),
    )


def queue(name: str, **more: Any) -> Queue:
    return Queue(
        logical_id=name.title(),
        name=name,
        arn=f"arn:aws:sqs:eu-west-1:123456789012:{name}",
        url=f"http://127.0.0.1:9/123456789012/{name}",
        **more,
    )
