from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import uvicorn
from botocore.config import Config
from botocore.exceptions import ClientError

from covey.aws.queues import SqsJobQueue
from infra.gateway.clock import SystemClock
from infra.gateway.queues import Queues
from infra.gateway.sqs_endpoint import SqsEndpoint
from infra.gateway.state import State
from tests.infra.gateway.twins import queue


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    queues = {
        each.name: each
        for each in (
            queue("work", dead_letters="dead", max_receives=2),
            queue("dead"),
            queue("first.fifo", fifo=True),
        )
    }
    state = State(":memory:")
    app = SqsEndpoint(Queues(state, queues, SystemClock()), state)
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="error", lifespan="off", interface="asgi3")
    )
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        threading.Event().wait(0.005)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def sqs(served: str) -> Any:
    client = boto3.client(
        "sqs",
        endpoint_url=served,
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",
        config=Config(retries={"max_attempts": 0}),
    )
    for name in ("work", "dead"):
        client.purge_queue(QueueUrl=f"{served}/123456789012/{name}")
    yield client
    client.close()


@pytest.fixture
def url(served: str) -> str:
    return f"{served}/123456789012/work"


def test_send_receive_delete(sqs: Any, url: str) -> None:
    attributes = {
        "n": {"DataType": "Number", "StringValue": "7"},
        "b": {"DataType": "Binary", "BinaryValue": b"\0\1"},
    }
    sent = sqs.send_message(QueueUrl=url, MessageBody="häłło ✓", MessageAttributes=attributes)
    got = sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )
    (message,) = got["Messages"]
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == "häłło ✓"
    assert message["MessageAttributes"]["b"]["BinaryValue"] == b"\0\1"
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "0"
    assert json.loads(counts["RedrivePolicy"])["maxReceiveCount"] == 2


def test_batches(sqs: Any, url: str) -> None:
    entries = [{"Id": str(n), "MessageBody": str(n)} for n in range(9)]
    answer = sqs.send_message_batch(
        QueueUrl=url, Entries=[*entries, {"Id": "bad", "MessageBody": "\0"}]
    )
    assert len(answer["Successful"]) == 9
    assert [failure["Id"] for failure in answer["Failed"]] == ["bad"]
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in got) == [str(n) for n in range(9)]
    gone = [{"Id": m["MessageId"], "ReceiptHandle": m["ReceiptHandle"]} for m in got]
    assert len(sqs.delete_message_batch(QueueUrl=url, Entries=gone)["Successful"]) == 9


def test_visibility_and_redrive(sqs: Any, url: str, served: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="a")
    for _ in range(2):
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
        sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    dead = sqs.receive_message(QueueUrl=f"{served}/123456789012/dead", AttributeNames=["All"])
    assert dead["Messages"][0]["Attributes"]["DeadLetterQueueSourceArn"].endswith(":work")


def test_a_long_poll_ends_when_a_message_comes(sqs: Any, url: str) -> None:
    timer = threading.Timer(0.2, lambda: sqs.send_message(QueueUrl=url, MessageBody="late"))
    timer.start()
    got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)
    assert got["Messages"][0]["Body"] == "late"
    timer.join()


def test_queues_by_name(sqs: Any, url: str) -> None:
    assert sqs.get_queue_url(QueueName="work")["QueueUrl"].endswith("/123456789012/work")
    assert len(sqs.list_queues(QueueNamePrefix="d")["QueueUrls"]) == 1


REFUSALS: dict[str, tuple[str, dict[str, Any], str]] = {
    "no such queue": (
        "send_message",
        {"QueueUrl": "http://x/1/none", "MessageBody": "a"},
        "AWS.SimpleQueueService.NonExistentQueue",
    ),
    "an empty body": ("send_message", {"MessageBody": ""}, "MissingParameter"),
    "a forbidden character": ("send_message", {"MessageBody": "\x01"}, "InvalidMessageContents"),
    "too long": ("send_message", {"MessageBody": "x" * 1_048_577}, "InvalidParameterValue"),
    "a delay out of range": (
        "send_message",
        {"MessageBody": "a", "DelaySeconds": 901},
        "InvalidParameterValue",
    ),
    "an attribute of no type": (
        "send_message",
        {"MessageBody": "a", "MessageAttributes": {"a": {"DataType": "Odd", "StringValue": "x"}}},
        "InvalidParameterValue",
    ),
    "too many at once": ("receive_message", {"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
    "a made-up receipt": ("delete_message", {"ReceiptHandle": "x"}, "ReceiptHandleIsInvalid"),
    "an empty batch": (
        "send_message_batch",
        {"Entries": []},
        "AWS.SimpleQueueService.EmptyBatchRequest",
    ),
    "the same id twice": (
        "send_message_batch",
        {"Entries": [{"Id": "a", "MessageBody": "a"}] * 2},
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_have_the_form_of_aws(case: str, sqs: Any, url: str) -> None:
    operation, parameters, code = REFUSALS[case]
    with pytest.raises(ClientError) as refused:
        getattr(sqs, operation)(**{"QueueUrl": url, **parameters})
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_first_in_first_out_queue_says_that_it_is_not_served(sqs: Any, served: str) -> None:
    with pytest.raises(ClientError, match="not served locally"):
        sqs.send_message(QueueUrl=f"{served}/1/first.fifo", MessageBody="a", MessageGroupId="g")


def test_the_adapter_sends(sqs: Any, url: str) -> None:
    SqsJobQueue(url, client=sqs).send({"job": "1"}, delay_s=0)
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == {"job": "1"}
