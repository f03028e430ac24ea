"""uvicorn, set up for the gateway: sockets bound beforehand, and slow or endless heads refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infra.gateway.asgi import App

HEAD_BYTES = 65_536
HEAD_SECONDS = 20.0
MESSAGE_BYTES = 131_072  # API Gateway's limit for one socket message


class PortTakenError(RuntimeError):
    """Another program listens there; the message says what to do."""


class _Http(HttpToolsProtocol):
    """The HTTP protocol, with an end to what one may send before a request is whole."""

    _heads = 0  # begun on this connection
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._hang_up)

    def _hang_up(self) -> None:
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        heads = self._heads
        super().data_received(data)
        # What arrived together with a head's beginning may be the end of a body: not counted.
        if self._head_timer is None or heads != self._heads:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES:
            self._refuse(431, "Request Header Fields Too Large", "headers_too_large")

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "Bad Request", "bad_request", msg)

    def _refuse(self, status: int, title: str, code: str, detail: str = "") -> None:
        """Answer what never becomes a request, as a problem like any other, and hang up."""
        about = {"type": "about:blank", "title": title, "status": status, "code": code}
        more = {"detail": detail or title, "request_id": str(uuid.uuid4()), "errors": []}
        body = json.dumps({**about, **more}).encode()
        head = (
            f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._heads += 1
        self._head_bytes = 0
        self._await_head()

    def on_headers_complete(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        super().connection_lost(exc)


class _Server(uvicorn.Server):
    """Leaves signals to the gateway, which ends its parts in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listener:
    """One application on one bound socket."""

    def __init__(self, app: App, sock: socket.socket, *, grace: int = 5) -> None:
        self._sock = sock
        self._server = _Server(
            uvicorn.Config(
                app,
                http=_Http,
                ws="websockets-sansio",
                ws_max_size=MESSAGE_BYTES,
                ws_ping_interval=30.0,
                ws_ping_timeout=30.0,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # the peer's own address, not what it claims
                timeout_keep_alive=75,
                timeout_graceful_shutdown=grace,
                backlog=2_048,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen from now on."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._sock]))
        while not self._server.started and not self._task.done():
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """Take no more, finish what runs."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; raises PortTakenError with advice. Port 0 picks a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(2_048)
    except OSError as error:
        sock.close()
        raise PortTakenError(
            f"Cannot listen on {host} port {port}: {error.strerror}.\n"
            f"Stop the program that does, or choose another: make run PORT={port + 1}"
        ) from error
    sock.setblocking(False)
    return sock
