"""Pools of worker processes: one invocation at a time per worker, so requests share nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from infra.gateway import wire
from infra.gateway.city import City, Function
from infra.gateway.invoker import CRASHED, NOT_FOUND, THROTTLED, TIMED_OUT, TOO_LARGE, Answer
from infra.gateway.nests import Nest, Root

IDLE_SECONDS = 60.0
INIT_SECONDS = 30.0
WAITING_LIMIT = 5_000
WAITING_SECONDS = 300.0
_SPAWN_ATTEMPTS = 3
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "AWS_CA_BUNDLE")


@dataclass(frozen=True, slots=True)
class Invocation:
    """One finished call, for the log."""

    kind: str
    label: str
    function: str
    answer: Answer
    waited_ms: float


class Observer(Protocol):
    """Told of what functions print and how calls end."""

    def printed(self, function: str, request_id: str, line: str) -> None:
        """A handler wrote a line to standard output or error."""
        ...

    def finished(self, invocation: Invocation) -> None:
        """A call has ended, well or not."""
        ...


def _failure(kind: str, message: str, request_id: str, milliseconds: float = 0.0) -> Answer:
    return Answer(None, {"errorType": kind, "errorMessage": message}, milliseconds, request_id)


class _Worker(asyncio.Protocol):
    """The front's end of one worker process."""

    def __init__(self, pool: _Pool) -> None:
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
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
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


Waiter = asyncio.Future["_Worker | Mapping[str, Any]"]


class _Pool:
    """The workers of one function, in one generation of its code."""

    def __init__(
        self, function: Function, nest: Nest, spec: wire.WorkerSpec, limit: int, observer: Observer
    ) -> None:
        self.function = function
        self.observer = observer
        self.limit = limit
        self._nest = nest
        self._spec = spec
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._starting = 0
        self._stillborn = 0
        self._waiting: deque[Waiter] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._retired = False

    def take(self) -> _Worker | None:
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
        await asyncio.get_running_loop().create_unix_connection(lambda: _Worker(self), sock=sock)

    def started(self, worker: _Worker) -> None:
        """A worker is ready for its first call."""
        self._starting -= 1
        self._stillborn = 0
        self._all.add(worker)
        self.free(worker)

    def free(self, worker: _Worker) -> None:
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

    def lost(self, worker: _Worker, broken: Mapping[str, Any] | None) -> None:
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
                self._refuse(broken or {"errorType": CRASHED, "errorMessage": _EXITED})
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

    def retire(self, successor: _Pool | None) -> None:
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


_EXITED = "Runtime exited without providing a reason"


class Workers:
    """The Invoker of the gateway.

    ``environment`` is added to each function's own: endpoints and credentials of this machine.
    ``limit`` is the number of workers per function, unless the function reserves another.
    """

    def __init__(
        self, environment: Mapping[str, str], observer: Observer, limit: int | None = None
    ) -> None:
        self._environment = dict(environment)
        self._observer = observer
        self._limit = limit or max(4, 2 * (os.cpu_count() or 1))
        self._root = Root()
        self._nests: dict[tuple[str, ...], Nest] = {}
        self._pools: dict[str, _Pool] = {}
        self._region = "us-east-1"
        self._reaper: asyncio.TimerHandle | None = None

    def warm(self) -> None:
        """Start the parent process ahead of need; nothing else has to be ready."""
        self._root.start()

    def serve(self, city: City) -> None:
        """Run the functions of this city from now on; earlier code ends with its last call."""
        self._region = city.region
        old_pools, old_nests = self._pools, list(self._nests.values())
        self._nests, self._pools = {}, {}
        for function in city.functions.values():
            key = tuple(str(layer) for layer in function.layers)
            nest = self._nests.get(key)
            if nest is None:
                nest = self._nests[key] = Nest(self._root, function.layers)
                nest.warm()
            self._pools[function.name] = self._pool(function, nest)
        for name, pool in old_pools.items():
            pool.retire(self._pools.get(name))
        for nest in old_nests:
            nest.retire()
        if self._reaper is None:
            self._reap()

    def _pool(self, function: Function, nest: Nest) -> _Pool:
        spec = wire.WorkerSpec(
            function=function.name,
            arn=function.arn,
            handler=function.handler,
            code=str(function.code),
            layers=[str(layer) for layer in function.layers],
            environment=self._variables(function),
            memory_mb=function.memory_mb,
        )
        limit = self._limit if function.concurrency is None else function.concurrency
        return _Pool(function, nest, spec, min(limit, self._limit), self._observer)

    def _variables(self, function: Function) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            "TZ": ":UTC",
            "_HANDLER": function.handler,
            "LAMBDA_TASK_ROOT": str(function.code),
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            **function.environment,
            **self._environment,
        }

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
        """Run a function once; see ``Invoker``."""
        request_id = request_id or str(uuid.uuid4())
        pool = self._pools.get(function)
        asked = time.monotonic()
        if pool is None:
            return _failure(NOT_FOUND, f"Function not found: {function}", request_id)
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        if len(body) > wire.PAYLOAD_LIMIT:
            return _failure(TOO_LARGE, "Request payload size exceeded 6291556 bytes", request_id)
        worker = pool.take() or await self._queued(pool, timeout or WAITING_SECONDS)
        waited = time.monotonic() - asked
        if isinstance(worker, _Worker):
            limit = pool.function.timeout
            if timeout is not None:
                limit = min(limit, max(0.05, timeout - waited))
            answer = await self._run(worker, body, limit, request_id)
        else:
            answer = Answer(None, worker, waited * 1000, request_id)
        self._observer.finished(Invocation(kind, label, function, answer, waited * 1000))
        return answer

    async def _queued(self, pool: _Pool, patience: float) -> _Worker | Mapping[str, Any]:
        waiter = pool.wait()
        if waiter is None:
            return {"errorType": THROTTLED, "errorMessage": "Rate Exceeded."}
        timer = asyncio.get_running_loop().call_later(patience, _give_up, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled() and isinstance(worker := waiter.result(), _Worker):
                pool.free(worker)  # the caller left in the moment when its turn came
            raise
        finally:
            timer.cancel()

    async def _run(self, worker: _Worker, event: bytes, limit: float, request_id: str) -> Answer:
        started = time.monotonic()
        call = worker.call(event, time.time() + limit, request_id)
        timer = asyncio.get_running_loop().call_later(limit, _overrun, worker, call)
        try:
            kind, payload, milliseconds = await call
        except TimeoutError:
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            message = f"{now} {request_id} Task timed out after {limit:.2f} seconds"
            return _failure(TIMED_OUT, message, request_id, limit * 1000)
        except EOFError:
            timer.cancel()
            message = f"RequestId: {request_id} Error: {_EXITED}"
            spent = (time.monotonic() - started) * 1000
            return _failure(CRASHED, message, request_id, spent)
        timer.cancel()
        if kind == wire.ANSWER:
            return Answer(payload, None, milliseconds, request_id)
        return Answer(None, json.loads(payload), milliseconds, request_id)

    def _reap(self) -> None:
        for pool in self._pools.values():
            pool.reap(time.monotonic() - IDLE_SECONDS)
        self._reaper = asyncio.get_running_loop().call_later(IDLE_SECONDS / 6, self._reap)

    def pids(self) -> dict[str, list[int]]:
        """The processes, by function; for inspection and tests."""
        return {name: pool.pids() for name, pool in self._pools.items()}

    async def stop(self, grace: float = 5.0) -> None:
        """Wait for running calls, then end every process."""
        if self._reaper is not None:
            self._reaper.cancel()
        end = time.monotonic() + grace
        while time.monotonic() < end and any(pool.busy for pool in self._pools.values()):
            await asyncio.sleep(0.02)
        for pool in self._pools.values():
            pool.retire(None)
        self._root.stop()


def _give_up(waiter: Waiter) -> None:
    if not waiter.done():
        waiter.set_result({"errorType": THROTTLED, "errorMessage": "No worker became free."})


def _overrun(worker: _Worker, call: asyncio.Future[Any]) -> None:
    if not call.done():
        call.set_exception(TimeoutError())
        worker.kill()
