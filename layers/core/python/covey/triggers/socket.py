"""A socket that opens, says something, or goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from covey.errors import CoveyError
from covey.triggers.clock import Context


@dataclass(frozen=True, slots=True)
class SocketEvent:
    """One event of one connection; `body` is the frame as text, headers are lower-case."""

    connection: str
    body: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


def socket_handler(
    work: Callable[[SocketEvent], None],
) -> Callable[[Mapping[str, Any], Context], dict[str, int]]:
    """A Lambda callable for a route of the socket API; a CoveyError refuses a connection."""

    def handler(event: Mapping[str, Any], context: Context) -> dict[str, int]:
        headers = event.get("headers") or {}
        told = SocketEvent(
            connection=event["requestContext"]["connectionId"],
            body=event.get("body") or "",
            query=event.get("queryStringParameters") or {},
            headers={name.lower(): value for name, value in headers.items()},
        )
        try:
            work(told)
        except CoveyError as refused:
            return {"statusCode": refused.status}
        return {"statusCode": 200}

    return handler
