"""The worker processes of one function, from the front's side: started, lent out, let go."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from infra.gateway import wire
from infra.gateway.city import Function
from infra.gateway.invoker import CRASHED, NOT_FOUND, Answer
from infra.gateway.nests import Nest

INIT_SECONDS = 30.0
WAITING_LIMIT = 5_000
EXITED = "Runtime exited without providing a reason"
_SPAWN_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Invocation:
    """One finished call, for the log."""

    kind: str
    label: str
    function: str
    answer: Answer
    waited_ms: float
    event: bytes = b""


class Observer(Protocol):
    """Told of what functions print and how calls end."""

    def printed(self, function: str, request_id: str, line: str) -> None:
        """A handler wrote a line to standard output or error."""
        ...

    def finished(self, invocation: Invocation) -> None:
        """A call has ended, well or not."""
        ...


class Worker(asyncio.Protocol):
    """The front's end of one worker process."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.pid = 0
        self.ready = False
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._call: asyncio.Future[tuple[bytes, bytes, float]] | None = None
        self._request_id = ""
        self._broken: dict[str, Any] | None = None
        self._init_timer = asyncio.get_running_loop().call_later(INIT_SECONDS, self.kill)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Take frames as they become whole."""
        self._buffer += data
        while len(self._buffer) >= wire.SAID.size:
            size, kind, milliseconds = wire.SAID.unpack_from(self._buffer)
            end = wire.SAID.size + size
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[wire.SAID.size : end])
            del self._buffer[:end]
            self._said(kind, payload, milliseconds)

    def _said(self, kind: bytes, payload: bytes, milliseconds: float) -> None:
        if kind == wire.LOG:
            line = payload.decode("utf-8", "replace")
            self.pool.observer.printed(self.pool.function.name, self._request_id, line)
        elif kind in {wire.ANSWER, wire.ERROR}:
            call, self._call = self._call, None
            if call is not None and not call.done():
                call.set_result((kind, payload, milliseconds))
            self.pool.free(self)
        elif kind == wire.STARTED:
            self.pid = int(payload)
        elif kind == wire.READY:
            self._init_timer.cancel()
            self.ready = True
            self.pool.started(self)
        elif kind == wire.BROKEN:
            self._broken = json.loads(payload)

    def connection_lost(self, exc: Exception | None) -> None:
        """The process has ended: who waits for its answer is told."""
        self._init_timer.cancel()
        call, self._call = self._call, None
        if call is not None and not call.done():
            call.set_exception(EOFError())
        self.pool.lost(self, self._broken)

    def call(
        self, event: bytes, deadline: float, request_id: str
    ) -> asyncio.Future[tuple[bytes, bytes, float]]:
        """Send an event; the future holds (kind, payload, ms), or EOFError should it die."""
        assert self._transport is not None  # noqa: S101 for the type checker
        self._request_id = request_id
        self._call = asyncio.get_running_loop().create_future()
        if self._transport.is_closing():  # it died between two calls
            self._call.set_exception(EOFError())
        self._transport.write(wire.CALL.pack(len(event), deadline, request_id.encode()) + event)
        return self._call

    @property
    def alive(self) -> bool:
        """Whether its socket is open."""
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """Let it go; it ends by itself when it sees the end of its socket."""
        if self._transport is not None:
            self._transport.close()

    def kill(self) -> None:
        """End it in the middle of what it does."""
        if self.pid and self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        if self._transport is not None:
            self._transport.abort()


Waiter = asyncio.Future["Worker | Mapping[str, Any]"]


class Pool:
    """The workers of one function, in one generation of its code."""

    def __init__(
        self, function: Function, nest: Nest, spec: wire.WorkerSpec, limit: int, observer: Observer
    ) -> None:
        self.function = function
        self.observer = observer
        self.limit = limit
        self._nest = nest
        self._spec = spec
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._starting = 0
        self._stillborn = 0
        self._waiting: deque[Waiter] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._retired = False

    def take(self) -> Worker | None:
        """The worker that was idle for the shortest time, so that others can be let go."""
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
        return None

    def wait(self) -> Waiter | None:
        """A place in the queue for a worker; the result may be an error of its start instead."""
        if len(self._waiting) >= WAITING_LIMIT or self.limit <= 0:
            return None
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self._enqueue(waiter)
        return waiter

    def _enqueue(self, waiter: Waiter) -> None:
        self._waiting.append(waiter)
        if self._starting < len(self._waiting) and len(self._all) + self._starting < self.limit:
            self._spawn()

    def _spawn(self) -> None:
        self._starting += 1
        task = asyncio.get_running_loop().create_task(self._start())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start(self) -> None:
        try:
            sock = self._nest.fork(self._spec)
        except (OSError, RuntimeError) as error:
            self._starting -= 1
            self._refuse({"errorType": CRASHED, "errorMessage": str(error)})
            return
        await asyncio.get_running_loop().create_unix_connection(lambda: Worker(self), sock=sock)

    def started(self, worker: Worker) -> None:
        """A worker is ready for its first call."""
        self._starting -= 1
        self._stillborn = 0
        self._all.add(worker)
        self.free(worker)

    def free(self, worker: Worker) -> None:
        """A worker has nothing to do: the next in the queue has it."""
        if self._retired:
            worker.close()
            return
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(worker)
                return
        worker.idle_since = time.monotonic()
        self._idle.append(worker)

    def lost(self, worker: Worker, broken: Mapping[str, Any] | None) -> None:
        """A worker has ended, or never came to life."""
        self._nest.left()
        if worker in self._all:
            self._all.discard(worker)
            if worker in self._idle:
                self._idle.remove(worker)
        else:
            self._starting -= 1
            self._stillborn += 1
            if broken is not None or worker.pid or self._stillborn >= _SPAWN_ATTEMPTS:
                self._refuse(broken or {"errorType": CRASHED, "errorMessage": EXITED})
        if not self._retired:
            self._respawn()

    def _respawn(self) -> None:
        waiting = sum(1 for waiter in self._waiting if not waiter.done())
        while self._starting < waiting and len(self._all) + self._starting < self.limit:
            self._spawn()

    def _refuse(self, error: Mapping[str, Any]) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(error)
                return

    def reap(self, before: float) -> None:
        """Let go of workers that have been idle since before this time."""
        stale = [worker for worker in self._idle if worker.idle_since < before]
        for worker in stale:
            self._idle.remove(worker)
            worker.close()

    def retire(self, successor: Pool | None) -> None:
        """Finish what runs; who waits is served by the successor."""
        self._retired = True
        for worker in self._idle:
            worker.close()
        self._idle.clear()
        while self._waiting:
            waiter = self._waiting.popleft()
            if waiter.done():
                continue
            if successor is not None:
                successor._enqueue(waiter)
            else:
                waiter.set_result({"errorType": NOT_FOUND, "errorMessage": "The function is gone"})

    @property
    def busy(self) -> int:
        """How many calls are running."""
        return len(self._all) - len(self._idle)

    def pids(self) -> list[int]:
        """The processes of this pool."""
        return [worker.pid for worker in self._all if worker.alive]
