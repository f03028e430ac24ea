from __future__ import annotations

import asyncio
import json
import os
import socket as sockets_module
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import uvicorn
import websockets
from botocore.credentials import Credentials
from websockets.asyncio.client import connect

from covey.aws.sockets import ApiGatewaySockets
from covey.errors import TooLarge
from covey.realtime.sockets import Gone
from infra.gateway.asgi import Receive, Scope, Send
from infra.gateway.city import SocketApi
from infra.gateway.clock import SystemClock
from infra.gateway.connections import Connection, Connections, ConnectionsApp
from infra.gateway.socket_events import Handshake, route_of
from infra.gateway.sockets import SocketsApp
from infra.gateway.state import State
from tests.infra.gateway.twins import Functions

API = SocketApi(
    id="abc",
    stage="realtime",
    selection="$request.body.type",
    routes={
        "$connect": "connect",
        "$disconnect": "disconnect",
        "$default": "message",
        "ping": "ping",
        "broken": "broken",
    },
)


def broken(event: Any) -> None:
    raise ValueError("no")


class Gateway:
    def __init__(self, **options: Any) -> None:
        self.state = State(":memory:")
        self.functions = Functions(
            connect=lambda e: {"statusCode": 200},
            disconnect=lambda e: {"statusCode": 200},
            message=lambda e: {"statusCode": 200},
            ping=lambda e: {"statusCode": 200},
            broken=broken,
        )
        self.management = ConnectionsApp(SystemClock())
        self.app = SocketsApp(
            self.state,
            invoker=self.functions,
            management=self.management,
            clock=SystemClock(),
            **options,
        )
        self.app.serve(API)
        self.port = 0

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.app if scope["type"] == "websocket" else self.management)(scope, receive, send)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/realtime"

    @property
    def private(self) -> str:
        return f"http://127.0.0.1:{self.port}/realtime"

    def events(self, function: str) -> list[Any]:
        return [event for name, event in self.functions.calls if name == function]

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(8):
            while not holds():
                await asyncio.sleep(0.005)

    @property
    def connection_id(self) -> str:
        return str(self.events("connect")[-1]["requestContext"]["connectionId"])


@asynccontextmanager
async def serving(gateway: Gateway) -> AsyncIterator[Gateway]:
    listener = sockets_module.socket()
    listener.bind(("127.0.0.1", 0))
    gateway.port = listener.getsockname()[1]
    config = uvicorn.Config(
        gateway.asgi, log_level="error", lifespan="off", ws="websockets-sansio", interface="asgi3"
    )
    server = uvicorn.Server(config)
    server.capture_signals = _no_signals  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield gateway
    finally:
        server.should_exit = True
        await task


def _no_signals() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def run(scenario: Callable[[Gateway], Coroutine[Any, Any, None]], **options: Any) -> Gateway:
    gateway = Gateway(**options)

    async def whole() -> None:
        async with serving(gateway):
            await scenario(gateway)

    asyncio.run(whole())
    return gateway


def test_connect_sees_headers_and_query_and_disconnect_comes_once() -> None:
    async def scenario(gateway: Gateway) -> None:
        url = gateway.url + "?ticket=t%201&many=1&many=2"
        async with connect(url, additional_headers={"Authorization": "Bearer x"}) as client:
            await client.send("hello")
            await gateway.until(lambda: gateway.events("message"))
        await gateway.until(lambda: gateway.events("disconnect"))
        await asyncio.sleep(0.05)

    gateway = run(scenario)
    (opened,) = gateway.events("connect")
    assert opened["headers"]["Authorization"] == "Bearer x"
    assert opened["headers"]["Sec-WebSocket-Version"] == "13"
    assert opened["queryStringParameters"] == {"ticket": "t 1", "many": "2"}
    assert opened["multiValueQueryStringParameters"]["many"] == ["1", "2"]
    assert opened["isBase64Encoded"] is False
    about = opened["requestContext"]
    assert about["routeKey"] == "$connect"
    assert about["eventType"] == "CONNECT"
    assert about["stage"] == "realtime"
    assert about["apiId"] == "abc"
    assert about["domainName"] == f"127.0.0.1:{gateway.port}"
    assert about["identity"]["sourceIp"] == "127.0.0.1"
    assert set(about) == {
        *("routeKey", "eventType", "extendedRequestId", "requestTime", "messageDirection"),
        *("stage", "connectedAt", "requestTimeEpoch", "identity", "requestId", "domainName"),
        *("connectionId", "apiId"),
    }
    (message,) = gateway.events("message")
    assert message["body"] == "hello"
    assert message["requestContext"]["eventType"] == "MESSAGE"
    assert message["requestContext"]["messageId"]
    assert message["requestContext"]["connectionId"] == about["connectionId"]
    (closed,) = gateway.events("disconnect")
    assert closed["requestContext"]["eventType"] == "DISCONNECT"
    assert closed["requestContext"]["disconnectStatusCode"] == 1000
    assert Connections(gateway.state).all() == []


ROUTES = {
    "by the type": ('{"type":"ping"}', "ping"),
    "unknown type": ('{"type":"nothing"}', "$default"),
    "invalid JSON": ("{", "$default"),
    "no object": ("[1]", "$default"),
    "not text": ('{"type":1}', "$default"),
    "a reserved name": ('{"type":"$disconnect"}', "$default"),
    "too deep": ("[" * 100_000, "$default"),
    "binary": (None, "$default"),
}


@pytest.mark.parametrize("case", ROUTES)
def test_messages_find_their_route(case: str) -> None:
    text, route = ROUTES[case]
    assert route_of(API, text) == route


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"statusCode": 401}, 401),
        ({"statusCode": 403, "body": "secret"}, 403),
        ({"statusCode": 500}, 500),
        ("nonsense", 500),
        (None, 500),
    ],
)
def test_connect_may_refuse(answer: Any, status: int) -> None:
    async def scenario(gateway: Gateway) -> None:
        gateway.functions.handlers["connect"] = lambda event: answer
        with pytest.raises(websockets.InvalidStatus) as refused:
            await connect(gateway.url)
        assert refused.value.response.status_code == status
        assert b"secret" not in (refused.value.response.body or b"")

    gateway = run(scenario)
    assert gateway.events("disconnect") == []
    assert Connections(gateway.state).all() == []


def test_another_stage_is_refused_without_a_call() -> None:
    async def scenario(gateway: Gateway) -> None:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await connect(gateway.url.replace("realtime", "other"))
        assert refused.value.response.status_code == 403

    assert run(scenario).functions.calls == []


def test_a_failed_function_and_a_binary_message() -> None:
    async def scenario(gateway: Gateway) -> None:
        async with connect(gateway.url) as client:
            await client.send('{"type":"broken"}')
            answer = json.loads(await client.recv())
            assert answer["message"] == "Internal server error"
            assert answer["connectionId"] == gateway.connection_id
            await client.send(b"\xff\x00")
            await gateway.until(lambda: gateway.events("message"))

    (message,) = run(scenario).events("message")
    assert (message["body"], message["isBase64Encoded"]) == ("/wA=", True)


def test_the_management_api_posts_tells_and_closes() -> None:
    async def scenario(gateway: Gateway) -> None:
        async with connect(gateway.url) as client, httpx.AsyncClient() as http:
            url = f"{gateway.private}/@connections/{quote(gateway.connection_id)}"
            assert (await http.post(url, content=b'{"a":1}')).status_code == 200
            assert await client.recv() == '{"a":1}'
            about = (await http.get(url)).json()
            assert about["identity"]["sourceIp"] == "127.0.0.1"
            assert set(about) == {"connectedAt", "identity", "lastActiveAt"}
            assert (await http.post(url, content=b"x" * 131_073)).status_code == 413
            assert (await http.delete(url)).status_code == 204
            await client.wait_closed()
            for method in ("POST", "GET", "DELETE"):
                assert (await http.request(method, url)).status_code == 410
            await gateway.until(lambda: gateway.events("disconnect"))

    run(scenario)


def test_the_adapter_posts_and_tells_what_is_gone() -> None:
    async def scenario(gateway: Gateway) -> None:
        posts = ApiGatewaySockets(
            gateway.private, region="eu-west-1", credentials=Credentials("a", "b")
        )
        async with connect(gateway.url) as client:
            await asyncio.to_thread(posts.post, gateway.connection_id, b'"hi"')
            assert await client.recv() == '"hi"'
            with pytest.raises(TooLarge):
                await asyncio.to_thread(posts.post, gateway.connection_id, b"x" * 131_073)
        await gateway.until(lambda: gateway.events("disconnect"))
        with pytest.raises(Gone):
            await asyncio.to_thread(posts.post, gateway.connection_id, b'"hi"')

    run(scenario)


def test_the_adapter_ends_a_connection_once_or_more() -> None:
    async def scenario(gateway: Gateway) -> None:
        posts = ApiGatewaySockets(
            gateway.private, region="eu-west-1", credentials=Credentials("a", "b")
        )
        async with connect(gateway.url) as client:
            await asyncio.to_thread(posts.close, gateway.connection_id)
            await client.wait_closed()
            assert client.close_code == 1000
        await asyncio.to_thread(posts.close, gateway.connection_id)

    run(scenario)


def test_too_long_a_message_ends_the_connection() -> None:
    async def scenario(gateway: Gateway) -> None:
        async with connect(gateway.url) as client:
            await client.send("x" * 131_073)
            await client.wait_closed()
            assert client.close_code == 1009
        await gateway.until(lambda: gateway.events("disconnect"))

    assert run(scenario).events("message") == []


@pytest.mark.parametrize("limit", [{"idle": 0.1}, {"longest": 0.1}])
def test_idle_and_old_connections_end(limit: dict[str, float]) -> None:
    async def scenario(gateway: Gateway) -> None:
        async with connect(gateway.url) as client:
            await client.wait_closed()
            assert client.close_code == 1001
        await gateway.until(lambda: gateway.events("disconnect"))

    run(scenario, **limit)


def test_a_slow_reader_is_let_go_and_holds_nobody_up() -> None:
    async def scenario(gateway: Gateway) -> None:
        async with connect(gateway.url, max_queue=1) as slow:
            slow_id = gateway.connection_id
            slow.transport.pause_reading()
            async with connect(gateway.url) as other, httpx.AsyncClient() as http:
                other_id = gateway.connection_id
                statuses = set()
                for _ in range(400):
                    url = f"{gateway.private}/@connections/{quote(slow_id)}"
                    statuses.add((await http.post(url, content=os.urandom(100_000))).status_code)
                    if 410 in statuses:
                        break
                assert statuses == {200, 410}
                url = f"{gateway.private}/@connections/{quote(other_id)}"
                assert (await http.post(url, content=b"still")).status_code == 200
                assert await other.recv() == "still"
            await gateway.until(lambda: len(gateway.events("disconnect")) == 2)
            slow.transport.abort()

    gateway = run(scenario)
    codes = {e["requestContext"]["disconnectStatusCode"] for e in gateway.events("disconnect")}
    assert codes == {1000, 1013}


def test_a_reader_that_takes_nothing_is_let_go_however_little_waits() -> None:
    async def scenario() -> None:
        connection = Connection(Handshake("c", 0, "", "", ""), 0.0)

        async def never(_: Any) -> None:
            await asyncio.Event().wait()

        assert connection.post(b"{}", 0.0) == "queued"
        await connection.pump(never, patience=0.02)
        assert connection.closing.result().code == 1013
        assert connection.post(b"{}", 0.0) == "gone"

    asyncio.run(scenario())


def test_connections_of_a_crash_are_told_at_the_next_start() -> None:
    gateway = Gateway()
    Connections(gateway.state).add(Handshake("c-1=", 1, "127.0.0.1", "", "here"))
    asyncio.run(gateway.app.recover())
    (event,) = gateway.events("disconnect")
    assert event["requestContext"]["connectionId"] == "c-1="
    assert Connections(gateway.state).all() == []


def test_fifty_sockets_get_their_own_messages_in_order() -> None:
    async def scenario(gateway: Gateway) -> None:
        posts = gateway.management.open

        def echo(event: Any) -> Any:
            own = event["requestContext"]["connectionId"]
            posts[own].post(event["body"].encode(), 0)
            return {"statusCode": 200}

        gateway.functions.handlers["message"] = echo

        async def talk(number: int) -> None:
            async with connect(gateway.url) as client:
                for step in range(10):
                    await client.send(f"{number}:{step}")
                got = [await client.recv() for _ in range(10)]
                assert got == [f"{number}:{step}" for step in range(10)]

        await asyncio.gather(*(talk(number) for number in range(50)))
        await gateway.until(lambda: len(gateway.events("disconnect")) == 50)

    run(scenario)
