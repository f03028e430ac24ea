"""API Gateway's WebSocket events, and how a message finds its route."""

from __future__ import annotations

import json
import re
import secrets
import uuid
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from infra.gateway.asgi import Scope
from infra.gateway.city import SocketApi

_SELECTION = re.compile(r"\$request\.body((?:\.[A-Za-z0-9_-]+)+)")


@dataclass(frozen=True, slots=True)
class Handshake:
    """What is known of a connection from its opening; times in milliseconds."""

    id: str
    connected: int
    source_ip: str
    user_agent: str
    host: str


def handshake(scope: Scope, now: int) -> Handshake:
    """Name a new connection."""
    known = {name: value.decode("latin-1") for name, value in scope["headers"]}
    client = scope.get("client")
    return Handshake(
        id=b64encode(secrets.token_bytes(11), b"-_").decode(),
        connected=now,
        source_ip=client[0] if client else "127.0.0.1",
        user_agent=known.get(b"user-agent", ""),
        host=known.get(b"host", "localhost"),
    )


def route_of(api: SocketApi, text: str | None) -> str:
    """The route key of a message: what the selection expression finds in it, or ``$default``."""
    match = _SELECTION.fullmatch(api.selection)
    if match is None or text is None:
        return "$default"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "$default"
    for name in match[1][1:].split("."):
        value = value.get(name) if isinstance(value, dict) else None
    # A message cannot ask for $connect or $disconnect by name.
    usable = isinstance(value, str) and value in api.routes and not value.startswith("$")
    return str(value) if usable else "$default"


def context(api: SocketApi, shake: Handshake, *, route: str, kind: str, now: int) -> dict[str, Any]:
    """The request context that all events of a socket share."""
    request_id = str(uuid.uuid4())
    moment = datetime.fromtimestamp(now / 1000, UTC)
    identity = {"sourceIp": shake.source_ip}
    if shake.user_agent:
        identity["userAgent"] = shake.user_agent
    return {
        "routeKey": route,
        "eventType": kind,
        "extendedRequestId": request_id,
        "requestTime": f"{moment:%d/%b/%Y:%H:%M:%S} +0000",
        "messageDirection": "IN",
        "stage": api.stage,
        "connectedAt": shake.connected,
        "requestTimeEpoch": now,
        "identity": identity,
        "requestId": request_id,
        "domainName": shake.host,
        "connectionId": shake.id,
        "apiId": api.id,
    }


def connect_event(api: SocketApi, shake: Handshake, scope: Scope, now: int) -> dict[str, Any]:
    """The event of ``$connect``, with the handshake's headers and query."""
    event: dict[str, Any] = {
        **_headers(scope),
        "requestContext": context(api, shake, route="$connect", kind="CONNECT", now=now),
        "isBase64Encoded": False,
    }
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if pairs:
        many: dict[str, list[str]] = {}
        for name, value in pairs:
            many.setdefault(name, []).append(value)
        event["queryStringParameters"] = dict(pairs)
        event["multiValueQueryStringParameters"] = many
    return event


def message_event(
    api: SocketApi, shake: Handshake, *, route: str, data: str | bytes, now: int
) -> dict[str, Any]:
    """The event of a message; a binary one comes in base64."""
    about = context(api, shake, route=route, kind="MESSAGE", now=now)
    about["messageId"] = b64encode(secrets.token_bytes(11)).decode()
    binary = isinstance(data, bytes)
    body = b64encode(data).decode() if isinstance(data, bytes) else data
    return {"requestContext": about, "body": body, "isBase64Encoded": binary}


def disconnect_event(
    api: SocketApi, shake: Handshake, *, code: int, reason: str, now: int
) -> dict[str, Any]:
    """The event of ``$disconnect``."""
    about = context(api, shake, route="$disconnect", kind="DISCONNECT", now=now)
    about |= {"disconnectStatusCode": code, "disconnectReason": reason}
    fields = {"Host": shake.host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    return {
        "headers": fields,
        "multiValueHeaders": {name: [value] for name, value in fields.items()},
        "requestContext": about,
        "isBase64Encoded": False,
    }


def _headers(scope: Scope) -> Mapping[str, Any]:
    many: dict[str, list[str]] = {}
    for raw, value in scope["headers"]:
        name = "-".join(part.capitalize() for part in raw.decode("latin-1").split("-"))
        name = name.replace("Websocket", "WebSocket")
        many.setdefault(name, []).append(value.decode("latin-1"))
    return {
        "headers": {name: values[-1] for name, values in many.items()},
        "multiValueHeaders": many,
    }
