"""Events become plain calls, and what fails is handed back without its neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from covey.errors import Unauthenticated
from covey.records.model import Change, ChangeKind
from covey.triggers.changes import changes_handler
from covey.triggers.clock import Context, time_left
from covey.triggers.queue import queue_handler
from covey.triggers.schedule import schedule_handler, slot_of
from covey.triggers.socket import SocketEvent, socket_handler
from covey.triggers.upload import Upload, upload_handler


class Invocation:
    aws_request_id = "r1"

    def __init__(self, remaining_ms: int = 30_000) -> None:
        self.remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


HERE = Invocation()


def message(number: int, body: str) -> dict[str, Any]:
    return {
        "messageId": str(number),
        "receiptHandle": "h",
        "body": body,
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q",
        "awsRegion": "us-east-1",
    }


@pytest.mark.parametrize(
    ("bodies", "failed"),
    [
        (['{"n": 1}', '{"n": 2}'], []),
        (['{"n": 1}', "{", '{"n": 3}'], ["1"]),
        (["[]"], ["0"]),
        (['{"n": "poison"}', '{"n": "poison"}'], ["0", "1"]),
    ],
    ids=["all well", "not JSON", "not an object", "all fail"],
)
def test_messages_fail_one_by_one(bodies: list[str], failed: list[str]) -> None:
    done: list[Any] = []

    def work(body: dict[str, Any], context: Context) -> None:
        if body["n"] == "poison":
            raise ValueError
        done.append(body["n"])

    event = {"Records": [message(number, body) for number, body in enumerate(bodies)]}
    answer = queue_handler(work)(event, HERE)
    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == failed
    assert len(done) == len(bodies) - len(failed)


def stream(*ids: str) -> dict[str, Any]:
    return {
        "Records": [
            {"eventID": one, "dynamodb": {"SequenceNumber": str(number)}}
            for number, one in enumerate(ids)
        ]
    }


def read(record: Mapping[str, Any]) -> Change | None:
    if record["eventID"] == "unreadable":
        raise ValueError
    if record["eventID"] == "other":
        return None
    return Change("posts", record["eventID"], 1, ChangeKind.CREATED, None, None)


@pytest.mark.parametrize(
    ("ids", "failed", "done"),
    [
        (["a", "b"], [], ["a", "b"]),
        (["a", "other", "b"], [], ["a", "b"]),
        (["a", "poison", "b"], ["1"], ["a"]),
        (["a", "unreadable", "b"], ["1"], ["a"]),
    ],
)
def test_changes_go_on_up_to_the_one_that_fails(
    ids: list[str], failed: list[str], done: list[str]
) -> None:
    kept: list[str] = []

    def work(changes: Sequence[Change]) -> None:
        if any(one.id == "poison" for one in changes):
            raise ValueError
        kept.extend(one.id for one in changes)

    answer = changes_handler(read, work)(stream(*ids), HERE)
    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == failed
    assert kept == done


@pytest.mark.parametrize(
    ("event", "slot"),
    [
        ({"time": "2026-01-31T09:30:00Z"}, "2026-01-31T09:30:00.000Z"),
        ({"time": "2026-01-31T10:30:00+01:00"}, "2026-01-31T09:30:00.000Z"),
    ],
)
def test_a_slot_is_the_instant_that_the_event_states(event: dict[str, Any], slot: str) -> None:
    assert slot_of(event) == slot
    assert schedule_handler(lambda slot, context: {"slot": slot})(event, HERE) == {"slot": slot}


def test_an_event_without_a_time_is_a_slot_of_its_own() -> None:
    assert len(slot_of({})) == 24


def test_uploads_come_with_their_key_decoded() -> None:
    seen: list[Upload] = []
    record = {"s3": {"bucket": {"name": "b"}, "object": {"key": "imports/a+b%C3%A9", "size": 3}}}
    upload_handler(seen.append)({"Records": [record]}, HERE)
    assert seen == [Upload("b", "imports/a bé", 3)]


def test_a_refused_connection_answers_the_status_of_its_error() -> None:
    event = {
        "requestContext": {"connectionId": "c1"},
        "headers": {"Authorization": "x"},
        "queryStringParameters": None,
        "body": None,
    }
    seen: list[SocketEvent] = []
    assert socket_handler(seen.append)(event, HERE) == {"statusCode": 200}
    assert seen == [SocketEvent("c1", "", {}, {"authorization": "x"})]

    def refuse(event: SocketEvent) -> None:
        raise Unauthenticated

    assert socket_handler(refuse)(event, HERE) == {"statusCode": 401}


def test_there_is_time_left_until_the_reserve_is_reached() -> None:
    invocation = Invocation(20_000)
    left = time_left(invocation, 10_000)
    assert left()
    invocation.remaining_ms = 9_999
    assert not left()
    assert not time_left(Invocation(), 1_000, most_s=0.0)()
