"""What the gateway calls functions with has the shape of what AWS calls them with."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from covey.store.transport import transport
from infra.gateway.apigateway import Events, Request
from infra.gateway.city import HttpApi, HttpRoute, SocketApi
from infra.gateway.routes import Routes
from infra.gateway.socket_events import (
    connect_event,
    disconnect_event,
    handshake,
    message_event,
)
from infra.gateway.stream_source import EngineStreams
from infra.gateway.streams import event_record
from tests.infra.gateway import test_queues, test_schedules, test_uploads
from tests.recorded import differences, recorded

NOW = 1_795_348_800_010


def http(method: str, query: str, body: bytes, **headers: str) -> dict[str, Any]:
    routes = Routes([HttpRoute("ANY", "/records/{proxy+}", "records")])
    match = routes.match("/records/notes")
    assert match is not None
    pairs = tuple((name.encode(), value.encode()) for name, value in headers.items())
    request = Request(
        id="0c1f6f3e-2f4b-4d0a-9c56-5a1d8a6f2b11",
        method=method,
        path="/records/notes",
        query=query,
        headers=(*pairs, (b"host", b"127.0.0.1:8000"), (b"user-agent", b"curl")),
        body=body,
        client="127.0.0.1",
        protocol="HTTP/1.1",
        scheme="http",
        port=8000,
    )
    return Events(HttpApi("a1", "live", ()), "000000000000").event(request, match)


def sockets() -> dict[str, Any]:
    api = SocketApi("f6", "realtime", "$request.body.type", {})
    scope = {
        "headers": [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"websockets")],
        "client": ("127.0.0.1", 5000),
        "query_string": b"ticket=none",
    }
    shake = handshake(scope, NOW)
    return {
        "socket_connect": connect_event(api, shake, scope, NOW),
        "socket_message": message_event(api, shake, route="$default", data="{}", now=NOW),
        "socket_disconnect": disconnect_event(api, shake, code=1005, reason="gone", now=NOW),
    }


def queue(_: Path) -> Any:
    seen: list[Any] = []
    world = test_queues.World(seen.append)
    world.queues.send("work", "{}")
    world.poll(lambda: bool(seen))
    return seen[0]


def schedule(_: Path) -> Any:
    world = test_schedules.World()
    world.claim(test_schedules.SLOT)
    [(event,)] = world.state.rows("SELECT event FROM deliveries")
    return json.loads(event)


def upload(folder: Path) -> Any:
    world = test_uploads.World(folder)
    world.put()
    world.uploads.collect()
    [(event,)] = world.state.rows("SELECT event FROM deliveries")
    return json.loads(event)


OURS = {
    "http_get": lambda _: http("GET", "limit=2&fields=id", b""),
    "http_post": lambda _: http("POST", "", b"{}", **{"content-type": "application/json"}),
    "socket_connect": lambda _: sockets()["socket_connect"],
    "socket_message": lambda _: sockets()["socket_message"],
    "socket_disconnect": lambda _: sockets()["socket_disconnect"],
    "queue": queue,
    "schedule": schedule,
    "upload": upload,
}


@pytest.mark.parametrize("name", OURS)
def test_an_event_of_the_gateway_has_the_shape_of_aws_own(name: str, tmp_path: Path) -> None:
    assert list(differences(recorded(name), json.loads(json.dumps(OURS[name](tmp_path))))) == []


def test_a_record_of_the_engines_stream_has_it_too(engine: str, table: str) -> None:
    told = recorded("stream")["Records"]
    for one in told:
        image = one["dynamodb"].get("NewImage")
        key = {"TableName": table, "Key": one["dynamodb"]["Keys"]}
        if image:
            transport().call("PutItem", {"TableName": table, "Item": image})
        else:
            transport().call("DeleteItem", key)

    async def read() -> list[Any]:
        streams = EngineStreams(engine, region="us-east-1", credentials=None)
        stream = await streams.latest(table)
        assert stream is not None
        found: list[Any] = []
        for shard in await streams.shards(stream):
            found += (await streams.reader(stream, shard.id, "").read()).records
        streams.close()
        return found

    ours = [event_record(one, "arn:aws:dynamodb", "us-east-1") for one in asyncio.run(read())]
    assert [one["eventName"] for one in ours] == [one["eventName"] for one in told]
    for expected, one in zip(told, ours, strict=True):
        expected.pop("userIdentity", None)  # of what DynamoDB's own expiry deletes
        assert list(differences(expected, one)) == []
        for name in ("NewImage", "OldImage", "Keys"):
            assert one["dynamodb"].get(name) == expected["dynamodb"].get(name)


def test_a_difference_is_seen() -> None:
    theirs = {"a": 1, "b": {"c": "x"}, "headers": {"A": "1"}, "d": [{"e": 1}], "f": None, "g": "x"}
    ours = {"a": "1", "b": {}, "headers": {}, "d": [{"e": None, "h": 2}], "g": None, "i": 1}
    assert list(differences(theirs, ours)) == [
        "event.a: str for number",
        "event.b.c: missing",
        "event.d[0].h: ours alone",
        "event.i: ours alone",
    ]
