"""Events that nobody sent, for trying a function: as its trigger would send them."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from infra.gateway import apigateway
from infra.gateway.city import City, Queue
from infra.gateway.routes import Routes

Event = dict[str, Any]


class NoSuchFunctionError(LookupError):
    """No function, or several, go by a name; the message says which there are."""


def function_named(city: City, name: str) -> str:
    """The logical id of the function that a person calls so.

    ``OrderMailsFunction``, ``OrderMails``, ``order_mails`` by its folder, ``jobs.run`` by its
    module.
    """
    if name in city.functions:
        return name
    if f"{name}Function" in city.functions:
        return f"{name}Function"
    wanted = name.removeprefix("functions.").removesuffix(".handler")
    found = [
        one.name
        for one in city.functions.values()
        if _matches(one.handler.rpartition(".")[0].removeprefix("functions."), wanted)
    ]
    if len(found) == 1:
        return found[0]
    among = ", ".join(sorted(found or city.functions))
    raise NoSuchFunctionError(
        f"{name} is {'several functions' if found else 'no function'}; there are {among}"
    )


def _matches(module: str, wanted: str) -> bool:
    return wanted in (module, module.rpartition(".")[0], module.removesuffix(".handler"))


def made_up(city: City, function: str, method: str = "", path: str = "") -> tuple[str, Event]:
    """The kind of trigger that a function has, and an event of it."""
    for make in (_http, _queue, _schedule, _upload, _socket):
        if found := make(city, function, method, path):
            return found
    return "stream", {"Records": []}


Found = tuple[str, Event] | None


def _http(city: City, function: str, method: str, path: str) -> Found:
    if city.http is None:
        return None
    own = [route for route in city.http.routes if route.function == function]
    if not own:
        return None
    first = min(own, key=lambda route: "{" in route.path)
    target, _, query = (path or first.path.replace("{proxy+}", "x")).partition("?")
    match = Routes(city.http.routes).match(target)
    if match is None:
        raise NoSuchFunctionError(f"no function answers {target}")
    asked = apigateway.Request(
        id=str(uuid.uuid4()),
        method=method or ("GET" if first.method == "ANY" else first.method),
        path=target,
        query=query,
        headers=[(b"host", b"localhost"), (b"accept", b"application/json")],
        body=b"",
        client="127.0.0.1",
        protocol="HTTP/1.1",
        scheme="http",
        port=80,
    )
    return "http", dict(apigateway.Events(city.http, city.account).event(asked, match))


def _queue(city: City, function: str, _method: str, _path: str) -> Found:
    for trigger in city.queue_triggers:
        if trigger.function == function:
            queue = city.queues[trigger.queue]
            return "queue", {"Records": [_message(city, queue, _body(city, queue))]}
    return None


def _message(city: City, queue: Queue, body: Mapping[str, Any]) -> Event:
    sent = str(int(time.time() * 1000))
    return {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "made-up",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": sent},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
        "awsRegion": city.region,
    }


def _body(city: City, queue: Queue) -> Event:
    """A change, where a line of CHANGE_TRIGGERS sends them to this queue."""
    for line in _lines(city):
        if line.get("queue") == queue.url:
            return _change(str(line["collection"]), (line.get("kinds") or ["created"])[0])
    return {}


def _lines(city: City) -> list[Event]:
    declared = [one.environment.get("CHANGE_TRIGGERS", "") for one in city.functions.values()]
    return [json.loads(line) for each in declared for line in each.splitlines() if line.strip()]


def _change(collection: str, kind: str) -> Event:
    now = _now()
    record = {"id": "0" * 20, "created": now, "updated": now, "version": 1}
    return {
        "specversion": "1.0",
        "id": f"{collection}/{record['id']}/1",
        "source": "made-up",
        "type": f"covey.record.{kind}",
        "subject": f"{collection}/{record['id']}",
        "datacontenttype": "application/json",
        "time": now,
        "sequence": "1".zfill(40),
        "data": {"record": record} | ({"before": record} if kind == "updated" else {}),
    }


def _schedule(city: City, function: str, _method: str, _path: str) -> Found:
    for schedule in city.schedules:
        if schedule.function != function:
            continue
        if schedule.input is not None:
            return "schedule", json.loads(schedule.input)
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return "schedule", {"source": "aws.scheduler", "time": now, "detail": {}}
    return None


def _upload(city: City, function: str, _method: str, _path: str) -> Found:
    for upload in city.uploads:
        if upload.function == function:
            stored = {"key": f"{upload.prefix}example{upload.suffix}", "size": 0, "sequencer": "1"}
            about = {"bucket": {"name": upload.bucket}, "object": stored}
            record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": about}
            return "upload", {"Records": [{**record, "eventTime": _now()}]}
    return None


def _socket(city: City, function: str, _method: str, _path: str) -> Found:
    routes = {} if city.sockets is None else city.sockets.routes
    for key, one in routes.items():
        if one == function:
            context = {
                "routeKey": key,
                "connectionId": "made-up=",
                "eventType": _EVENTS.get(key, "MESSAGE"),
            }
            return "socket", {"requestContext": context, "body": json.dumps({"type": key})}
    return None


_EVENTS: Mapping[str, str] = {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
