from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.gateway.city import QueueTrigger
from infra.gateway.invoker import THROTTLED
from infra.gateway.queue_poller import QueuePoller
from infra.gateway.queues import Queues
from infra.gateway.state import State
from tests.infra.gateway.twins import Functions, ManualClock, RefusedError, city, queue

DEAD = queue("dead", retention=1_000_000)
WORK = queue("work", visibility_timeout=30, dead_letters="dead", max_receives=3, retention=3600)


class World:
    def __init__(
        self,
        handler: Callable[[Any], Any] = lambda event: None,
        *,
        path: Path | str = ":memory:",
        retry_after: float | None = None,
        **options: Any,
    ) -> None:
        self.clock = ManualClock()
        self.city = city(queues=(WORK, DEAD))
        self.state = State(path)
        self.queues = Queues(self.state, self.city.queues, self.clock)
        self.functions = Functions(work=handler)
        self.poller = QueuePoller(
            QueueTrigger("t", "work", "work", **options),
            self.city,
            queues=self.queues,
            state=self.state,
            invoker=self.functions,
            clock=self.clock,
            retry_after=retry_after,
        )

    def poll(self, until: Callable[[], bool]) -> World:
        async def scenario() -> None:
            task = asyncio.create_task(self.poller.run())
            async with asyncio.timeout(10):
                while not until():
                    await asyncio.sleep(0.001)
            await asyncio.sleep(0.02)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(scenario())
        return self

    @property
    def batches(self) -> list[list[str]]:
        return [[r["body"] for r in event["Records"]] for _, event in self.functions.calls]

    def empty(self) -> bool:
        return self.queues.counts("work") == (0, 0, 0)


def bodies(queues: Queues, name: str, limit: int = 10) -> list[str]:
    return [message.body for message in queues.receive(name, limit)]


def test_a_received_message_is_hidden_and_comes_back() -> None:
    world = World()
    world.queues.send("work", "a")
    assert bodies(world.queues, "work") == ["a"]
    assert bodies(world.queues, "work") == []
    world.clock.time += 30
    (again,) = world.queues.receive("work", 10)
    assert again.receives == 2
    assert again.first_received == again.sent


def test_a_delayed_message_waits() -> None:
    world = World()
    world.queues.send("work", "later", delay=5)
    assert bodies(world.queues, "work") == []
    assert world.queues.seconds_to_next("work") == 5
    world.clock.time += 5
    assert bodies(world.queues, "work") == ["later"]


def test_after_its_receives_a_message_is_dead_lettered_with_its_source() -> None:
    world = World()
    identity = world.queues.send("work", "poison")
    for _ in range(3):
        assert bodies(world.queues, "work") == ["poison"]
        world.clock.time += 30
    assert bodies(world.queues, "work") == []
    (dead,) = world.queues.receive("dead", 10)
    assert (dead.id, dead.body, dead.receives, dead.source) == (identity, "poison", 1, WORK.arn)


def test_messages_die_of_age() -> None:
    world = World()
    world.queues.send("work", "old")
    world.clock.time += 3601
    assert bodies(world.queues, "work") == []
    assert world.empty()


def test_only_the_latest_receipt_deletes() -> None:
    world = World()
    world.queues.send("work", "a")
    (first,) = world.queues.receive("work", 1)
    world.clock.time += 30
    (second,) = world.queues.receive("work", 1)
    world.queues.delete("work", [first.receipt])
    assert not world.empty()
    assert not world.queues.change_visibility("work", first.receipt, 0)
    world.queues.delete("work", [second.receipt])
    assert world.empty()


def test_the_event_is_what_lambda_sends() -> None:
    world = World()
    attributes = {
        "kind": {"DataType": "String", "StringValue": "x"},
        "raw": {"DataType": "Binary", "BinaryValue": "AAE="},
    }
    identity = world.queues.send("work", "hello", attributes=attributes)
    world.poll(world.empty)
    ((_, event),) = world.functions.calls
    (record,) = event["Records"]
    now = str(1_800_000_000_000)
    assert record.pop("receiptHandle").startswith(identity)
    assert record == {
        "messageId": identity,
        "body": "hello",
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": now,
            "SenderId": record["attributes"]["SenderId"],
            "ApproximateFirstReceiveTimestamp": now,
        },
        "messageAttributes": {
            "kind": {
                "stringValue": "x",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            },
            "raw": {
                "binaryValue": "AAE=",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "Binary",
            },
        },
        "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "md5OfMessageAttributes": record["md5OfMessageAttributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": WORK.arn,
        "awsRegion": "eu-west-1",
    }


def poison(event: Any) -> Any:
    bad = [r["messageId"] for r in event["Records"] if r["body"] == "poison"]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in bad]}


def test_a_poison_message_lands_in_the_dead_letters_while_its_neighbours_are_processed() -> None:
    world = World(poison, batch_size=5, item_failures=True)
    for body in ("a", "poison", "b", "c"):
        world.queues.send("work", body)
    world.poll(lambda: world.queues.counts("dead")[0] == 1)
    assert sorted(world.batches[0]) == ["a", "b", "c", "poison"]
    assert world.batches[1:] == [["poison"], ["poison"]]
    assert bodies(world.queues, "dead") == ["poison"]
    assert world.empty()


def test_without_reports_a_batch_fails_as_a_whole() -> None:
    def handler(event: Any) -> Any:
        if len(world.batches) == 1:
            raise ValueError("first time")

    world = World(handler, batch_size=5)
    for body in ("a", "b"):
        world.queues.send("work", body)
    world.poll(world.empty)
    assert world.batches == [["a", "b"], ["a", "b"]]


def test_a_throttled_batch_is_tried_again_without_a_receive() -> None:
    def handler(event: Any) -> Any:
        if len(world.batches) < 3:
            raise RefusedError(THROTTLED)

    world = World(handler)
    world.queues.send("work", "a")
    world.poll(world.empty)
    counts = [
        e["Records"][0]["attributes"]["ApproximateReceiveCount"] for _, e in world.functions.calls
    ]
    assert counts == ["1", "1", "1"]


def test_a_filter_drops_what_it_refuses() -> None:
    world = World(filters=({"body": {"kind": ["a"]}},))
    world.queues.send("work", '{"kind":"a"}')
    world.queues.send("work", '{"kind":"b"}')
    world.queues.send("work", "no json")
    world.poll(world.empty)
    assert world.batches == [['{"kind":"a"}']]


def test_no_more_than_the_maximal_concurrency() -> None:
    running, most = [0], [0]

    async def handler(event: Any) -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0.02)
        running[0] -= 1

    world = World(handler, batch_size=1, max_concurrency=2)
    for number in range(8):
        world.queues.send("work", str(number))
    world.poll(world.empty)
    assert most[0] == 2
    assert len(world.batches) == 8


def test_a_laptop_may_shorten_the_wait_for_another_try() -> None:
    tries: list[float] = []

    def handler(event: Any) -> Any:
        tries.append(world.clock.time)
        return poison(event)

    world = World(handler, item_failures=True, retry_after=1)
    world.queues.send("work", "poison")
    world.poll(lambda: world.queues.counts("dead")[0] == 1)
    assert len(tries) == 3
    assert tries[-1] - tries[0] < 10


def test_what_was_in_flight_at_a_crash_is_delivered_at_the_next_start(tmp_path: Path) -> None:
    async def hang(event: Any) -> None:
        first.clock.wait = _no_time  # type: ignore[method-assign]
        await asyncio.Event().wait()

    first = World(hang, path=tmp_path / "s.db")
    first.queues.send("work", "a")
    first.poll(lambda: len(first.functions.calls) == 1)
    first.state.close()
    world = World(path=tmp_path / "s.db")
    world.clock.time = first.clock.time
    assert world.queues.counts("work") == (0, 1, 0)
    world.poll(world.empty)
    assert world.batches == [["a"]]


async def _no_time(event: asyncio.Event, seconds: float) -> None:
    await asyncio.sleep(0.001)


@pytest.mark.parametrize("window", [0, 5])
def test_a_window_fills_batches(window: int) -> None:
    world = World(batch_size=10, window=window)
    world.queues.send("work", "a")
    world.queues.send("work", "b", delay=2)
    world.poll(world.empty)
    assert world.batches == ([["a", "b"]] if window else [["a"], ["b"]])
