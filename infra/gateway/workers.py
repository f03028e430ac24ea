"""Calls functions in worker processes, one invocation at a time per worker."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from infra.gateway import wire
from infra.gateway.city import City, Function
from infra.gateway.invoker import CRASHED, NOT_FOUND, THROTTLED, TIMED_OUT, TOO_LARGE, Answer
from infra.gateway.nests import Nest, Root
from infra.gateway.pool import EXITED, Invocation, Observer, Pool, Waiter, Worker

IDLE_SECONDS = 60.0
WAITING_SECONDS = 300.0
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "AWS_CA_BUNDLE")


def _failure(kind: str, message: str, request_id: str, milliseconds: float = 0.0) -> Answer:
    return Answer(None, {"errorType": kind, "errorMessage": message}, milliseconds, request_id)


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
        self._pools: dict[str, Pool] = {}
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

    def _pool(self, function: Function, nest: Nest) -> Pool:
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
        return Pool(function, nest, spec, min(limit, self._limit), self._observer)

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
        patience = timeout or WAITING_SECONDS
        worker = pool.take() or await self._queued(pool, patience)
        while isinstance(worker, Worker) and not worker.alive:  # it died as its turn came
            worker = await self._queued(pool, patience)
        waited = time.monotonic() - asked
        if isinstance(worker, Worker):
            limit = pool.function.timeout
            if timeout is not None:
                limit = min(limit, max(0.05, timeout - waited))
            answer = await self._run(worker, body, limit, request_id)
        else:
            answer = Answer(None, worker, waited * 1000, request_id)
        self._observer.finished(Invocation(kind, label, function, answer, waited * 1000, body))
        return answer

    async def _queued(self, pool: Pool, patience: float) -> Worker | Mapping[str, Any]:
        waiter = pool.wait()
        if waiter is None:
            return {"errorType": THROTTLED, "errorMessage": "Rate Exceeded."}
        timer = asyncio.get_running_loop().call_later(patience, _give_up, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled() and isinstance(worker := waiter.result(), Worker):
                pool.free(worker)  # the caller left in the moment when its turn came
            raise
        finally:
            timer.cancel()

    async def _run(self, worker: Worker, event: bytes, limit: float, request_id: str) -> Answer:
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
            message = f"RequestId: {request_id} Error: {EXITED}"
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


def _overrun(worker: Worker, call: asyncio.Future[Any]) -> None:
    if not call.done():
        call.set_exception(TimeoutError())
        worker.kill()
