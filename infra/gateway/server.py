"""The public ASGI application: routes a request to its function and the answer back."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections.abc import Callable

from infra.gateway import refusals
from infra.gateway.apigateway import Events, MalformedAnswerError, Request, Response
from infra.gateway.asgi import App, Event, Receive, Scope, Send
from infra.gateway.city import City
from infra.gateway.invoker import THROTTLED, TIMED_OUT, TOO_LARGE, Answer, Invoker
from infra.gateway.refusals import Kind, Refusals, preflight
from infra.gateway.routes import Match, Routes

BODY_LIMIT = 10 * 1024 * 1024
HEAD_LIMIT = 10_240
TIMEOUT = 29.0
FILES_PREFIX = "/_files/"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})  # what one writes is found by the next poll


class _RefusedError(Exception):
    def __init__(self, kind: Kind) -> None:
        self.kind = kind


class Server:
    """Answers HTTP from the functions of a city; hands sockets and stored files to their apps.

    ``explain`` puts a function's failure into the answer: for a developer's own machine.
    """

    def __init__(
        self,
        invoker: Invoker,
        *,
        sockets: App | None = None,
        files: App | None = None,
        wrote: Callable[[], None] = lambda: None,
        explain: bool = False,
    ) -> None:
        self._invoker = invoker
        self._sockets = sockets
        self._files = files
        self._wrote = wrote
        self._explain = explain
        self._api: _Api | None = None

    def serve(self, city: City) -> None:
        """Answer from this city from now on."""
        self._api = _Api(city) if city.http is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's request or socket."""
        if scope["type"] == "websocket":
            await (self._sockets or _no_sockets)(scope, receive, send)
        elif scope["type"] == "http":
            if self._files is not None and scope["path"].startswith(FILES_PREFIX):
                await self._files(scope, receive, send)
            else:
                await _send(send, await self._answer(scope, receive))

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        api = self._api
        request_id = str(uuid.UUID(int=random.getrandbits(128), version=4))  # guards nothing
        if api is None:
            return refusals.unready()
        try:
            match = api.routes.match(scope["raw_path"].decode("latin-1"))
            if match is None:
                raise _RefusedError(refusals.NO_PATH)
            if scope["method"] == "OPTIONS" and api.cors and "OPTIONS" not in match.methods:
                return preflight(api.cors, match)
            if match.route(scope["method"]) is None:
                allow = [(b"allow", ", ".join(match.allowed).encode())]
                return api.refusals.refuse(refusals.NO_METHOD, request_id, headers=allow)
            request = _request(scope, request_id, await _body(scope, receive))
        except _RefusedError as refused:
            close = [(b"connection", b"close")] if refused.kind.status in {408, 413, 431} else []
            return api.refusals.refuse(refused.kind, request_id, headers=close)
        return await self._call(api, request, match)

    async def _call(self, api: _Api, request: Request, match: Match) -> Response:
        route = match.route(request.method)
        assert route is not None  # noqa: S101 found above
        event = json.dumps(api.events.event(request, match), separators=(",", ":")).encode()
        answer = await self._invoker.invoke(
            route.function,
            event,
            kind="http",
            timeout=TIMEOUT,
            label=f"{request.method} {request.path}",
            request_id=request.id,
        )
        if answer.payload is None:
            return api.refusals.refuse(_kind(answer), request.id, detail=self._detail(answer))
        if request.method not in _READS:
            self._wrote()
        try:
            response = api.events.response(answer.payload, _accept(request))
        except MalformedAnswerError as error:
            detail = f"Malformed Lambda proxy response: {error}" if self._explain else ""
            return api.refusals.refuse(refusals.BAD_ANSWER, request.id, detail=detail)
        response.headers.append((b"x-amzn-requestid", request.id.encode()))
        return response

    def _detail(self, answer: Answer) -> str:
        if not self._explain or answer.error is None or answer.error_type == TIMED_OUT:
            return ""
        return f"{answer.error_type}: {answer.error.get('errorMessage', '')}"


class _Api:
    def __init__(self, city: City) -> None:
        assert city.http is not None  # noqa: S101 for the type checker
        self.routes = Routes(city.http.routes)
        self.events = Events(city.http, city.account)
        self.refusals = Refusals(city.http)
        self.cors = city.http.cors


def _kind(answer: Answer) -> Kind:
    return {
        TIMED_OUT: refusals.TIMED_OUT,
        THROTTLED: refusals.BUSY,
        TOO_LARGE: refusals.BODY_TOO_LARGE,
    }.get(answer.error_type, refusals.FAILED)


def _accept(request: Request) -> str:
    for name, value in request.headers:
        if name == b"accept":
            return value.decode("latin-1")
    return ""


def _request(scope: Scope, request_id: str, body: bytes) -> Request:
    client, server = scope.get("client"), scope.get("server")
    return Request(
        id=request_id,
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=scope["headers"],
        body=body,
        client=client[0] if client else "127.0.0.1",
        protocol=f"HTTP/{scope['http_version']}",
        scheme=scope["scheme"],
        port=server[1] if server and server[1] else 80,
    )


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The whole body; raises _RefusedError for one that is too large, or too slow."""
    size = len(scope["raw_path"]) + len(scope["query_string"])
    for name, value in scope["headers"]:
        size += len(name) + len(value) + 4
        if name == b"content-length" and int(value) > BODY_LIMIT:
            raise _RefusedError(refusals.BODY_TOO_LARGE)
    if size > HEAD_LIMIT:
        raise _RefusedError(refusals.HEAD_TOO_LARGE)
    message: Event = await receive() if _has_body(scope) else {}
    if not message.get("more_body"):
        return message.get("body", b"")  # type: ignore[no-any-return]
    parts = [message.get("body", b"")]
    length = len(parts[0])
    try:
        async with asyncio.timeout(TIMEOUT):
            while message.get("more_body"):
                message = await receive()
                parts.append(message.get("body", b""))
                length += len(parts[-1])
                if length > BODY_LIMIT:
                    raise _RefusedError(refusals.BODY_TOO_LARGE)
    except TimeoutError:
        raise _RefusedError(refusals.SLOW_BODY) from None
    return b"".join(parts)


def _has_body(scope: Scope) -> bool:
    return any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])


async def _send(send: Send, response: Response) -> None:
    headers = response.headers
    body = b"" if response.status in {204, 304} else response.body
    if response.status not in {204, 304}:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _no_sockets(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 1008})
