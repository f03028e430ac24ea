"""Each handler on the map, driven by what AWS calls it with (`tests/events`)."""

from __future__ import annotations

import copy
import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from covey.wiring import services
from infra.gateway.city import City, Endpoints
from infra.gateway.template import load
from tests.recorded import recorded

ROOT = Path(__file__).resolve().parents[2]
HERE = Endpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")
CITY: City = load(ROOT / "template.yaml", HERE)
assert CITY.http is not None
assert CITY.sockets is not None
SOCKETS = {
    "$connect": "socket_connect",
    "$disconnect": "socket_disconnect",
    "$default": "socket_message",
}


class Lambda:
    """The context that Lambda gives, as far as handlers may look."""

    aws_request_id = "0c1f6f3e-2f4b-4d0a-9c56-5a1d8a6f2b11"
    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:function"

    def get_remaining_time_in_millis(self) -> int:
        return 20_000


def call(function: str, event: Any) -> Any:
    """What the handler returns, as Lambda would pass it on."""
    module, _, name = CITY.functions[function].handler.rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    return json.loads(json.dumps(handler(copy.deepcopy(event), Lambda())))


def test_a_record_is_made_and_listed(api: Any) -> None:
    made = call("RecordsFunction", recorded("http_post"))
    assert made["statusCode"] == 201, made
    assert json.loads(made["body"])["text"] == "grüße"
    listed = call("RecordsFunction", recorded("http_get"))
    assert json.loads(listed["body"])["items"] == [{"id": "first", "text": "grüße"}]


@pytest.mark.parametrize("route", CITY.http.routes, ids=lambda route: f"{route.path}")
def test_every_http_function_answers(api: Any, route: Any) -> None:
    event = recorded("http_get")
    path = route.path.replace("{proxy+}", "nothing/here")
    proxy = {"proxy": "nothing/here"} if "{proxy+}" in route.path else None
    event |= {"resource": route.path, "path": path, "pathParameters": proxy}
    event["requestContext"] |= {"resourcePath": route.path, "path": f"/live{path}"}
    answer = call(route.function, event)
    assert 200 <= answer["statusCode"] < 500, answer
    assert set(answer) <= {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}


@pytest.mark.parametrize("key", CITY.sockets.routes)
def test_every_socket_function_answers(api: Any, key: str) -> None:
    event = recorded(SOCKETS.get(key, "socket_message"))
    event["requestContext"]["routeKey"] = key
    event.pop("queryStringParameters", None)  # a ticket that there is not
    # A message is answered through the sockets' own API, which is not here.
    services().__dict__["sockets"] = Hearing()
    answer = call(CITY.sockets.routes[key], event)
    assert answer["statusCode"] in range(200, 500)


class Hearing:
    """Sockets that take whatever they are told."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: True


def test_a_ticket_that_there_is_not_opens_no_socket(api: Any) -> None:
    answer = call(CITY.sockets.routes["$connect"], recorded("socket_connect"))  # type: ignore[union-attr]
    assert answer["statusCode"] == 401


@pytest.mark.parametrize("function", sorted({one.function for one in CITY.streams}))
def test_every_function_on_the_stream_settles_it(api: Any, function: str) -> None:
    assert call(function, recorded("stream")) == {"batchItemFailures": []}


def test_what_the_stream_tells_is_what_was_written(api: Any) -> None:
    told = [services().told_of(one) for one in recorded("stream")["Records"]]
    seen = [
        (one.change.kind, one.change.version, one.change.after and one.change.after.values["text"])
        for one in told
        if one.change is not None
    ]
    assert seen == [("created", 1, "one"), ("updated", 2, "two"), ("deleted", 2, None)]
    assert [one.at for one in told] == [1795348801000, 1795348802000, 1795348803000]


@pytest.mark.parametrize("trigger", CITY.queue_triggers, ids=lambda one: one.name)
def test_every_queues_function_names_what_it_did_not_take(api: Any, trigger: Any) -> None:
    event = recorded("queue")
    answer = call(trigger.function, event)
    named = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
    assert named <= {one["messageId"] for one in event["Records"]}


def test_a_job_that_is_gone_is_no_failure(api: Any) -> None:
    assert call("JobsRunFunction", recorded("queue")) == {"batchItemFailures": []}


@pytest.mark.parametrize("schedule", CITY.schedules, ids=lambda one: one.name)
def test_every_schedules_function_runs_its_slot(api: Any, schedule: Any) -> None:
    services().__dict__["job_queue"] = Hearing()
    call(schedule.function, recorded("schedule"))


@pytest.mark.parametrize("function", sorted({one.function for one in CITY.uploads}))
def test_every_upload_function_takes_what_it_knows_nothing_of(api: Any, function: str) -> None:
    call(function, recorded("upload"))


@pytest.mark.parametrize("name", ["mail_bounce", "mail_complaint", "mail_topic_validated"])
def test_what_ses_tells_is_taken(api: Any, name: str) -> None:
    assert call("MailReturnedFunction", recorded(name)) == {"batchItemFailures": []}
    suppressed = [one.address for one in services().suppressions.list("", 9)]
    assert suppressed == ([] if name == "mail_topic_validated" else ["ann@example.com"])
