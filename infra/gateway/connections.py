"""Open sockets: the rows that outlive a crash, and the management API that posts to them."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from infra.gateway.asgi import (
    BodyTooLargeError,
    Receive,
    Scope,
    Send,
    answer,
    answer_json,
    read_body,
)
from infra.gateway.clock import Clock
from infra.gateway.outcomes import iso
from infra.gateway.socket_events import Handshake
from infra.gateway.state import State

MAX_MESSAGE = 131_072
MAX_BUFFER = 1_048_576  # bytes, or 1,000 messages, that a slow reader may leave waiting
_MAX_WAITING = 1000
PATIENCE = 30.0  # seconds for which a reader may take nothing of what waits
_PATH = re.compile(r".*/@connections/([^/]+)")
Accepted = Literal["queued", "full", "gone"]


class Connections:
    """Which sockets are open, on disk: one that a crash cut off still gets its disconnect."""

    SCHEMA = """
        CREATE TABLE IF NOT EXISTS connections (
            id TEXT PRIMARY KEY, connected INTEGER NOT NULL, source_ip TEXT NOT NULL,
            user_agent TEXT NOT NULL, host TEXT NOT NULL) WITHOUT ROWID;
    """

    def __init__(self, state: State) -> None:
        self._state = state
        state.prepare(self.SCHEMA)

    def add(self, shake: Handshake) -> None:
        """Note a connection, before its function hears of it."""
        with self._state.transaction() as database:
            database.execute(
                "INSERT INTO connections VALUES (?,?,?,?,?)",
                (shake.id, shake.connected, shake.source_ip, shake.user_agent, shake.host),
            )

    def remove(self, connection: str) -> None:
        """Forget one, after its function heard that it is gone."""
        with self._state.transaction() as database:
            database.execute("DELETE FROM connections WHERE id=?", (connection,))

    def all(self) -> list[Handshake]:
        """Every one that is noted."""
        rows = self._state.rows(
            "SELECT id, connected, source_ip, user_agent, host FROM connections"
        )
        return [Handshake(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Closing:
    """Why a socket ends: the code and reason of its close frame."""

    code: int
    reason: str


class Connection:
    """One open socket: what waits to be sent, and when it was last used."""

    def __init__(self, shake: Handshake, now: float) -> None:
        """``now`` here and below is in seconds since the epoch."""
        self.shake = shake
        self.last_active = now
        self.closing: asyncio.Future[Closing] = asyncio.get_running_loop().create_future()
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._more = asyncio.Event()

    def post(self, data: bytes, now: float) -> Accepted:
        """Queue a message; a reader that is too slow for its buffer is let go."""
        if self.closing.done():
            return "gone"
        if self._bytes + len(data) > MAX_BUFFER or len(self._waiting) >= _MAX_WAITING:
            self.close(1013, "Too slow")
            return "full"
        self._waiting.append(data)
        self._bytes += len(data)
        self.last_active = now
        self._more.set()
        return "queued"

    def close(self, code: int, reason: str) -> None:
        """Ask for the end; the first to ask decides the code."""
        if not self.closing.done():
            self.closing.set_result(Closing(code, reason))

    async def pump(self, send: Send, patience: float = PATIENCE) -> None:
        """Send what waits, as fast as the reader takes it; one that takes nothing is let go."""
        while True:
            while self._waiting:
                data = self._waiting[0]
                try:
                    async with asyncio.timeout(patience):
                        await send(_frame(data))
                except TimeoutError:
                    self.close(1013, "Too slow")
                    return
                self._waiting.popleft()
                self._bytes -= len(data)
            self._more.clear()
            await self._more.wait()


def _frame(data: bytes) -> dict[str, object]:
    try:
        return {"type": "websocket.send", "text": data.decode()}
    except UnicodeDecodeError:
        return {"type": "websocket.send", "bytes": data}


class ConnectionsApp:
    """``/…/@connections/{id}``: POST sends, GET tells, DELETE closes; 410 for one that is gone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.open: dict[str, Connection] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0]
        match = _PATH.fullmatch(path)
        if match is None:
            await _refuse(send, 404, "NotFoundException", "No such path.")
            return
        connection = self.open.get(unquote(match[1]))
        if connection is None or connection.closing.done():
            await _refuse(send, 410, "GoneException", "")
        elif scope["method"] == "POST":
            await self._post(connection, receive, send)
        elif scope["method"] == "GET":
            await answer_json(send, 200, _described(connection))
        elif scope["method"] == "DELETE":
            connection.close(1000, "Connection closed by the server")
            await answer(send, 204)
        else:
            await _refuse(send, 405, "MethodNotAllowedException", "")

    async def _post(self, connection: Connection, receive: Receive, send: Send) -> None:
        try:
            data = await read_body(receive, MAX_MESSAGE)
        except BodyTooLargeError:
            await _refuse(send, 413, "PayloadTooLargeException", "Message too long")
            return
        except ConnectionError:
            return
        if connection.post(data, self._clock.now()) == "queued":
            await answer(send, 200)
        else:
            await _refuse(send, 410, "GoneException", "")


async def _refuse(send: Send, status: int, kind: str, message: str) -> None:
    fields = {"x-amzn-errortype": kind}
    with contextlib.suppress(ConnectionError):
        await answer_json(send, status, {"message": message}, fields)


def _described(connection: Connection) -> dict[str, object]:
    shake = connection.shake
    return {
        "connectedAt": iso(shake.connected / 1000),
        "identity": {"sourceIp": shake.source_ip, "userAgent": shake.user_agent},
        "lastActiveAt": iso(connection.last_active),
    }
