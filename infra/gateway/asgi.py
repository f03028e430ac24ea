"""The few lines of ASGI that the gateway's small endpoints share."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class BodyTooLargeError(Exception):
    """A request body over the limit of its reader."""


def headers(scope: Scope) -> dict[str, str]:
    """Request headers by lower-case name; the last of a repeated one."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body; raises BodyTooLargeError beyond the limit, ConnectionError when cut off."""
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ConnectionError("the client left before its body was whole")
        chunk = event.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLargeError
        chunks.append(chunk)
        if not event.get("more_body", False):
            return b"".join(chunks)


async def answer(
    send: Send, status: int, body: bytes = b"", extra: dict[str, str] | None = None
) -> None:
    """A whole answer with its length."""
    fields = {"content-length": str(len(body)), **(extra or {})}
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in fields.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def answer_json(
    send: Send, status: int, document: Any, extra: dict[str, str] | None = None
) -> None:
    """A JSON answer."""
    fields = {"content-type": "application/json", **(extra or {})}
    await answer(send, status, json.dumps(document).encode(), fields)
