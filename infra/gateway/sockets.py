"""The WebSocket API: handshakes, messages and goodbyes become events of functions.

One event at a time per connection, in the order of its messages. A connection is noted on disk
before ``$connect`` is called and until ``$disconnect`` was, so every connection that a function
accepted gets its ``$disconnect``: once, or at the next start when the gateway was killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Coroutine
from typing import Any

from infra.gateway.asgi import Receive, Scope, Send
from infra.gateway.city import SocketApi
from infra.gateway.clock import Clock
from infra.gateway.connections import MAX_MESSAGE, Closing, Connection, Connections, ConnectionsApp
from infra.gateway.invoker import CRASHED, THROTTLED, Answer, Invoker
from infra.gateway.socket_events import (
    Handshake,
    connect_event,
    disconnect_event,
    handshake,
    message_event,
    route_of,
)
from infra.gateway.state import State

IDLE = 600.0  # seconds without a message either way
LONGEST = 7200.0  # seconds that a connection may last
_GOODBYE = 2.0  # seconds for the closing handshake
_ATTEMPTS = 3  # of a $disconnect whose worker died
log = logging.getLogger("covey.gateway.sockets")


class SocketsApp:
    """An ASGI application for the sockets of one API; `serve` says which."""

    def __init__(
        self,
        state: State,
        *,
        invoker: Invoker,
        management: ConnectionsApp,
        clock: Clock,
        idle: float = IDLE,
        longest: float = LONGEST,
    ) -> None:
        self._state = state
        self._rows = Connections(state)
        self._invoker = invoker
        self._open = management.open
        self._clock = clock
        self._idle = idle
        self._longest = longest
        self._api: SocketApi | None = None
        self._running: set[asyncio.Task[Any]] = set()

    def serve(self, api: SocketApi | None) -> None:
        """Answer from this API from now on; open sockets stay."""
        self._api = api

    async def recover(self) -> None:
        """Tell the functions of the connections that a crash cut off."""
        for shake in await self._state.run(self._rows.all):
            if shake.id not in self._open:
                await self._goodbye(shake, Closing(1006, "Connection closed abnormally"))

    async def finish(self, seconds: float = 5.0) -> None:
        """Let what is being said be said: before the state is closed."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One socket, from its handshake to its end."""
        await receive()  # websocket.connect
        api = self._api
        if api is None or scope["path"].strip("/") != api.stage:
            await _refuse(scope, send, 403)
            return
        shake = handshake(scope, self._now())
        await self._state.run(self._rows.add, shake)
        status, subprotocol = await self._greet(api, shake, scope)
        if not 200 <= status < 300:
            await self._state.run(self._rows.remove, shake.id)
            await _refuse(scope, send, status)
            return
        connection = Connection(shake, self._clock.now())
        self._open[shake.id] = connection
        ending = Closing(1006, "Connection closed abnormally")
        try:
            with contextlib.suppress(ConnectionError, RuntimeError):  # it left meanwhile
                await send({"type": "websocket.accept", "subprotocol": subprotocol})
                ending = await self._live(api, connection, receive, send)
        finally:
            connection.close(ending.code, ending.reason)
            del self._open[shake.id]
            # On its own: the server may cancel this call when the client is gone.
            await asyncio.shield(self._keep(self._goodbye(shake, ending)))

    def _now(self) -> int:
        return int(self._clock.now() * 1000)

    def _keep(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run to the end whatever becomes of the caller: an invocation is never half made."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _call(self, api: SocketApi, route: str, event: dict[str, Any]) -> Answer | None:
        function = api.routes.get(route)
        if function is None:
            return None
        label = f"{route} {event['requestContext']['connectionId']}"
        work = self._invoker.invoke(function, event, kind="socket", label=label)
        return await asyncio.shield(self._keep(work))

    # ── opening ────────────────────────────────────────────────────────────────────────────

    async def _greet(
        self, api: SocketApi, shake: Handshake, scope: Scope
    ) -> tuple[int, str | None]:
        """The status with which ``$connect`` answers, and the subprotocol that it chose."""
        answer = await self._call(api, "$connect", connect_event(api, shake, scope, self._now()))
        if answer is None:
            return 200, None
        if answer.error is not None:
            return (429 if answer.error_type == THROTTLED else 500), None
        try:
            document = json.loads(answer.payload or b"null")
            status = int(document["statusCode"])
            fields = {str(k).lower(): str(v) for k, v in (document.get("headers") or {}).items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            log.error("$connect: not an answer with a statusCode")
            return 500, None
        chosen = fields.get("sec-websocket-protocol")
        return status, chosen if chosen in scope.get("subprotocols", ()) else None

    # ── living ─────────────────────────────────────────────────────────────────────────────

    async def _live(
        self, api: SocketApi, connection: Connection, receive: Receive, send: Send
    ) -> Closing:
        tasks: list[asyncio.Task[Closing | None]] = [
            asyncio.create_task(self._read(api, connection, receive)),
            asyncio.create_task(connection.pump(send)),
            asyncio.create_task(self._watch(connection)),
        ]
        try:
            ends: list[asyncio.Future[Any]] = [*tasks, connection.closing]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(results[0], Closing):
            return results[0]
        if connection.closing.done():
            ending = connection.closing.result()
            with contextlib.suppress(TimeoutError, ConnectionError, RuntimeError):
                async with asyncio.timeout(_GOODBYE):
                    await send(
                        {"type": "websocket.close", "code": ending.code, "reason": ending.reason}
                    )
            return ending
        return Closing(1006, "Connection closed abnormally")

    async def _watch(self, connection: Connection) -> None:
        """End a connection that is idle or old; returns when the other tasks are over anyway."""
        end = self._clock.now() + self._longest
        while True:
            now = self._clock.now()
            due = min(end, connection.last_active + self._idle)
            if now >= due:
                connection.close(1001, "Going away")
            await self._clock.sleep(max(0.01, due - now))

    async def _read(
        self, api: SocketApi, connection: Connection, receive: Receive
    ) -> Closing | None:
        while True:
            event = await receive()
            if event["type"] != "websocket.receive":
                return Closing(event.get("code") or 1005, event.get("reason") or "")
            connection.last_active = self._clock.now()
            text = event.get("text")
            data: str | bytes = text if text is not None else event.get("bytes") or b""
            if len(data.encode() if isinstance(data, str) else data) > MAX_MESSAGE:
                connection.close(1009, "Message too long")
                return None
            await self._message(api, connection, data)

    async def _message(self, api: SocketApi, connection: Connection, data: str | bytes) -> None:
        route = route_of(api, data if isinstance(data, str) else None)
        event = message_event(api, connection.shake, route=route, data=data, now=self._now())
        answer = await self._call(api, route, event)
        if answer is not None and answer.error is None:
            return
        # API Gateway's own words for a message without a route, and for a failed function.
        document = {
            "message": "Forbidden" if answer is None else "Internal server error",
            "connectionId": connection.shake.id,
            "requestId": event["requestContext"]["requestId"],
        }
        connection.post(json.dumps(document).encode(), self._clock.now())

    # ── ending ─────────────────────────────────────────────────────────────────────────────

    async def _goodbye(self, shake: Handshake, ending: Closing) -> None:
        api = self._api
        if api is not None:
            event = disconnect_event(
                api, shake, code=ending.code, reason=ending.reason, now=self._now()
            )
            for _ in range(_ATTEMPTS):
                answer = await self._call(api, "$disconnect", event)
                if answer is None or answer.error_type not in {CRASHED, THROTTLED}:
                    break
                await self._clock.sleep(0.5)
        await self._state.run(self._rows.remove, shake.id)


async def _refuse(scope: Scope, send: Send, status: int) -> None:
    """Answer the handshake with a status, where the server can; 403 where it cannot."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    body = json.dumps({"message": "Forbidden" if status < 500 else "Internal server error"})
    fields = [(b"content-type", b"application/json")]
    start = {"type": "websocket.http.response.start", "status": status, "headers": fields}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": body.encode()})
