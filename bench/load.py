"""A small load generator: keep-alive connections, one request outstanding on each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import cast

import uvloop

MakeRequest = Callable[[int], bytes]
HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed; times in milliseconds."""

    requests: int
    errors: int
    seconds: float
    latencies: list[float]

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Caller(asyncio.Protocol):
    """One connection: sends a request, waits for the whole answer, sends the next."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._buffer = b""
        self._need = -1
        self._sent = 0.0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        self._send()

    def _send(self) -> None:
        if time.perf_counter() >= self._run.until:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(self._run.make(next(self._run.numbers)))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._need < 0:
            end = self._buffer.find(HEAD_END)
            if end < 0:
                return
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            self._need = end + 4 + length
        if len(self._buffer) < self._need:
            return
        self._run.answered(self._buffer[9:12], (time.perf_counter() - self._sent) * 1000)
        self._buffer, self._need = self._buffer[self._need :], -1
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._run.errors += 1
        if not self.done.done():
            self.done.set_result(None)


class Run:
    """One measurement; `make` gives the bytes of the n-th request."""

    def __init__(self, make: MakeRequest, seconds: float) -> None:
        self.make = make
        self.numbers = count()
        self.until = time.perf_counter() + seconds
        self.errors = 0
        self.latencies: list[float] = []

    def answered(self, status: bytes, ms: float) -> None:
        self.latencies.append(ms)
        if not status.startswith(b"2"):
            self.errors += 1


def request(method: str, path: str, *, token: str = "", body: bytes = b"") -> bytes:
    """The bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: covey"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + HEAD_END + body


def load(port: int, make: MakeRequest, *, connections: int, seconds: float) -> Outcome:
    """Keep `connections` busy for `seconds`; each measures from sending to the last byte."""

    async def drive() -> Outcome:
        loop = asyncio.get_running_loop()
        run = Run(make, seconds)
        began = time.perf_counter()
        callers = [
            (await loop.create_connection(lambda: Caller(run), "127.0.0.1", port))[1]
            for _ in range(connections)
        ]
        await asyncio.wait_for(asyncio.gather(*(one.done for one in callers)), seconds + 60)
        elapsed = time.perf_counter() - began
        return Outcome(len(run.latencies), run.errors, elapsed, run.latencies)

    return uvloop.run(drive())
