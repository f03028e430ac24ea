"""What a client may say over a socket, and what it is answered.

Each kind of message is handled in a module of its own, which lists its ``kinds``. A message that
cannot be taken is answered by ``{"type": "error", "code", "detail", "id"}`` and the socket stays
open; `retry_after` says in how many seconds it may be taken. Who sends too fast for long is closed.

    {"type": "ping"}   → {"type": "pong"}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from covey.errors import BadRequest, CoveyError, NotFound
from covey.realtime.frames import MAX_NAME, Answer, Handle, Message, read
from covey.realtime.model import Connection
from covey.realtime.pacing import TooFast
from covey.realtime.ports import ConnectionStore


class Conversation:
    """Answers messages of open sockets."""

    def __init__(
        self,
        store: ConnectionStore,
        *kinds: Mapping[str, Handle],
        pace: Callable[[str], None] = lambda connection: None,
        close: Callable[[str], None] = lambda connection: None,
    ) -> None:
        """`kinds`: who answers which kinds of message.

        `pace` counts a frame of a connection, and raises where there were too many; `close` ends
        the connection of who does not stop.
        """
        self._store = store
        self._pace = pace
        self._close = close
        self._kinds: dict[str, Handle] = {"ping": ping}
        for more in kinds:
            self._kinds.update(more)

    def answers(self, connection_id: str, frame: str) -> Iterator[Answer]:
        """What to send back for one frame, in order; never raises a CoveyError."""
        id = ""
        try:
            self._pace(connection_id)
            message = read(frame)
            id = message["id"] if isinstance(message.get("id"), str) else ""
            connection = self._store.get(connection_id)
            if connection is None:
                raise NotFound("connection")
            yield from self._handle_of(message)(connection, message)
        except TooFast as refused:
            yield {**_error(refused), "closed": True}
            self._close(connection_id)
        except CoveyError as refused:
            yield {**_error(refused), "id": id[:MAX_NAME]} if id else _error(refused)

    def _handle_of(self, message: Message) -> Handle:
        kind = message.get("type")
        handle = self._kinds.get(kind) if isinstance(kind, str) else None
        if handle is None:
            known = ", ".join(self._kinds)
            raise BadRequest(f"type is one of {known}.", code="unknown_message")
        return handle


def _error(refused: CoveyError) -> Answer:
    said: Answer = {"type": "error", "code": refused.code, "detail": refused.detail}
    if "Retry-After" in refused.headers:
        said["retry_after"] = int(refused.headers["Retry-After"])
    return said


def ping(connection: Connection, message: Message) -> Iterator[Answer]:
    """Say that somebody is here."""
    yield {"type": "pong"}
