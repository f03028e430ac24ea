from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from infra.gateway.city import StreamTrigger
from infra.gateway.invoker import CRASHED, THROTTLED
from infra.gateway.queues import Queues
from infra.gateway.state import Position, Positions, State
from infra.gateway.stream_source import Page, Shard
from infra.gateway.streams import ShardConsumer, StreamConsumer, Surroundings
from tests.infra.gateway.twins import Functions, ManualClock, RefusedError, city, queue

STREAM = "arn:aws:dynamodb:local:000000000000:table/things/stream/1"


class ListStream:
    """A stream of one shard over a list; the shard ends when the list does."""

    def __init__(self, records: Sequence[dict[str, Any]], page: int = 1000) -> None:
        self.records = list(records)
        self.page = page
        self.open = False

    async def latest(self, table: str) -> str | None:
        return STREAM

    async def shards(self, stream: str) -> Sequence[Shard]:
        return [Shard("shard-1")]

    def reader(self, stream: str, shard: str, after: str) -> ListReader:
        place = [i for i, r in enumerate(self.records) if r["dynamodb"]["SequenceNumber"] == after]
        return ListReader(self, place[0] + 1 if place else 0)


class ListReader:
    def __init__(self, stream: ListStream, place: int) -> None:
        self.stream, self.place = stream, place

    async def read(self) -> Page:
        found = self.stream.records[self.place : self.place + self.stream.page]
        self.place += len(found)
        return Page(found, ended=not self.stream.open and self.place == len(self.stream.records))


def change(number: int, *, at: float = 1_800_000_000.0, name: str = "INSERT") -> dict[str, Any]:
    return {
        "eventID": str(number),
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "dynoxide",
        "dynamodb": {
            "Keys": {"pk": {"S": f"p{number}"}},
            "NewImage": {"pk": {"S": f"p{number}"}, "kind": {"S": "odd" if number % 2 else "even"}},
            "SequenceNumber": str(number),
            "SizeBytes": 60,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
            "ApproximateCreationDateTime": at,
        },
    }


def numbers(event: dict[str, Any]) -> list[int]:
    return [int(record["dynamodb"]["SequenceNumber"]) for record in event["Records"]]


class World:
    """Everything around a consumer, with the state kept across `again`."""

    def __init__(
        self,
        handler: Callable[[Any], Any],
        records: Sequence[dict[str, Any]],
        *,
        path: Path | str = ":memory:",
        **options: Any,
    ) -> None:
        options = {"starting_position": "TRIM_HORIZON", "on_failure": "dead", **options}
        self.trigger = StreamTrigger("work-changes", "work", "things", "arn:stream", **options)
        self.functions = Functions(work=handler)
        self.clock = ManualClock()
        self.city = city(queues=(queue("dead"),))
        self.state = State(path)
        self.queues = Queues(self.state, self.city.queues, self.clock)
        self.positions = Positions(self.state)
        self.source = ListStream(records)
        self.around = Surroundings(
            self.city,
            self.source,
            self.state,
            self.positions,
            self.functions,
            lambda name, letter: (self.queues.send(name, json.dumps(letter)), None)[1],
            self.clock,
        )

    def consume(self) -> World:
        consumer = ShardConsumer(self.around, self.trigger, STREAM, "shard-1")
        asyncio.run(asyncio.wait_for(consumer.run(), 20))
        return self

    @property
    def batches(self) -> list[list[int]]:
        return [numbers(event) for _, event in self.functions.calls]

    @property
    def position(self) -> Position | None:
        return self.positions.get("work-changes", STREAM, "shard-1")

    def dead(self) -> list[dict[str, Any]]:
        return [json.loads(message.body) for message in self.queues.receive("dead", 100)]

    def buried(self) -> list[tuple[int, int]]:
        infos = [letter["DDBStreamBatchInfo"] for letter in self.dead()]
        return [(int(i["startSequenceNumber"]), int(i["endSequenceNumber"])) for i in infos]


def fails_on(*poison: int) -> Callable[[Any], Any]:
    def handler(event: Any) -> None:
        if set(numbers(event)) & set(poison):
            raise ValueError("poison")

    return handler


def reports(*poison: int) -> Callable[[Any], Any]:
    def handler(event: Any) -> Any:
        bad = [str(n) for n in numbers(event) if n in poison]
        return {"batchItemFailures": [{"itemIdentifier": n} for n in bad]}

    return handler


def test_batches_come_in_order_and_move_the_position() -> None:
    world = World(lambda e: None, [change(n) for n in range(1, 8)], batch_size=3).consume()
    assert world.batches == [[1, 2, 3], [4, 5, 6], [7]]
    assert world.position == Position("7", ended=True)
    assert world.buried() == []


def test_the_event_is_what_lambda_sends() -> None:
    expiry = change(1, name="REMOVE")
    expiry["userIdentity"] = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    world = World(lambda e: None, [expiry]).consume()
    ((_, event),) = world.functions.calls
    assert event == {
        "Records": [
            {
                **expiry,
                "awsRegion": "eu-west-1",
                "eventSourceARN": "arn:stream",
                "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
            }
        ]
    }
    assert world.functions.kinds == ["stream"]


CASES: dict[str, tuple[Callable[[Any], Any], dict[str, Any], list[list[int]], list[Any]]] = {
    "without splitting the whole batch is lost after its attempts": (
        fails_on(2),
        {"batch_size": 3, "max_attempts": 1},
        [[1, 2, 3], [1, 2, 3], [4, 5]],
        [(1, 3)],
    ),
    "no retries": (
        fails_on(2),
        {"batch_size": 3, "max_attempts": 0},
        [[1, 2, 3], [4, 5]],
        [(1, 3)],
    ),
    "splitting isolates exactly the poison record": (
        fails_on(3),
        {"batch_size": 5, "max_attempts": 1, "bisect": True},
        [[1, 2, 3, 4, 5], [1, 2, 3], [1, 2], [3], [3], [4, 5]],
        [(3, 3)],
    ),
    "splitting isolates two of them": (
        fails_on(1, 5),
        {"batch_size": 5, "max_attempts": 0, "bisect": True},
        [[1, 2, 3, 4, 5], [1, 2, 3], [1, 2], [1], [2], [3], [4, 5], [4], [5]],
        [(1, 1), (5, 5)],
    ),
    "what lies before the reported failure is settled": (
        reports(3),
        {"batch_size": 5, "max_attempts": 1, "item_failures": True},
        [[1, 2, 3, 4, 5], [3, 4, 5], [3, 4, 5]],
        [(3, 5)],
    ),
    "the lowest reported failure counts": (
        reports(4, 2),
        {"batch_size": 5, "max_attempts": 0, "item_failures": True},
        [[1, 2, 3, 4, 5], [2, 3, 4, 5]],
        [(2, 5)],
    ),
    "reports and splitting lose only the poison record": (
        reports(3),
        {"batch_size": 5, "max_attempts": 0, "item_failures": True, "bisect": True},
        [[1, 2, 3, 4, 5], [3, 4, 5], [3, 4], [3], [4], [5]],
        [(3, 3)],
    ),
    "a report is ignored when it was not asked for": (
        reports(3),
        {"batch_size": 5},
        [[1, 2, 3, 4, 5]],
        [],
    ),
    "an unknown identifier fails the batch": (
        lambda event: {"batchItemFailures": [{"itemIdentifier": "99"}]},
        {"batch_size": 5, "max_attempts": 0, "item_failures": True},
        [[1, 2, 3, 4, 5]],
        [(1, 5)],
    ),
    "a malformed report fails the batch": (
        lambda event: {"batchItemFailures": [{"wrong": "3"}]},
        {"batch_size": 5, "max_attempts": 0, "item_failures": True},
        [[1, 2, 3, 4, 5]],
        [(1, 5)],
    ),
    "null and empty reports are success": (
        lambda event: None if len(event["Records"]) > 2 else {"batchItemFailures": None},
        {"batch_size": 3, "max_attempts": 0, "item_failures": True},
        [[1, 2, 3], [4, 5]],
        [],
    ),
    "a filter keeps the rest away": (
        lambda event: None,
        {"filters": ({"dynamodb": {"NewImage": {"kind": {"S": ["odd"]}}}},)},
        [[1, 3, 5]],
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_failures(case: str) -> None:
    handler, options, batches, buried = CASES[case]
    world = World(handler, [change(n) for n in range(1, 6)], **options).consume()
    assert world.batches == batches
    assert world.buried() == buried
    assert world.position is not None
    assert world.position.ended


def test_the_dead_letter_is_the_documented_one() -> None:
    world = World(fails_on(1), [change(1)], max_attempts=1).consume()
    (letter,) = world.dead()
    assert letter == {
        "requestContext": {
            "requestId": "r-1",
            "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:work",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 2,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": letter["timestamp"],
        "DDBStreamBatchInfo": {
            "shardId": "shard-1",
            "startSequenceNumber": "1",
            "endSequenceNumber": "1",
            "approximateArrivalOfFirstRecord": "2027-01-15T08:00:00Z",
            "approximateArrivalOfLastRecord": "2027-01-15T08:00:00Z",
            "batchSize": 1,
            "streamArn": "arn:stream",
        },
    }


def test_old_records_are_discarded_without_a_call() -> None:
    records = [change(1, at=1_800_000_000.0 - 500), change(2)]
    world = World(lambda e: None, records, max_age=60).consume()
    assert world.batches == [[2]]
    (letter,) = world.dead()
    assert letter["requestContext"]["condition"] == "RecordAgeExceeded"
    assert "responseContext" not in letter


def test_retries_end_when_the_record_is_too_old() -> None:
    records = [change(1), change(2, at=1_800_000_500.0)]
    world = World(fails_on(1), records, max_age=60, batch_size=1).consume()
    assert world.batches[-1] == [2]
    assert len(world.batches) > 3
    assert world.dead()[0]["requestContext"]["condition"] == "RecordAgeExceeded"


def test_throttling_counts_no_attempt() -> None:
    answers = iter([THROTTLED, THROTTLED, THROTTLED, None])

    def handler(event: Any) -> None:
        kind = next(answers)
        if kind:
            raise RefusedError(kind)

    world = World(handler, [change(1)], max_attempts=0).consume()
    assert len(world.batches) == 4
    assert world.buried() == []


def test_a_dead_worker_is_a_failed_attempt() -> None:
    def handler(event: Any) -> None:
        raise RefusedError(CRASHED)

    world = World(handler, [change(1)], max_attempts=2).consume()
    assert len(world.batches) == 3
    assert world.buried() == [(1, 1)]


def test_a_window_waits_for_a_fuller_batch() -> None:
    world = World(lambda e: None, [change(1)], window=5.0, batch_size=4)
    world.source.open = True

    async def scenario() -> None:
        consumer = ShardConsumer(world.around, world.trigger, STREAM, "shard-1")
        task = asyncio.create_task(consumer.run())
        async with asyncio.timeout(10):
            while world.clock.time < 1_800_000_002:
                await asyncio.sleep(0)
            assert world.batches == []
            world.source.records.append(change(2))
            while not world.batches:
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scenario())
    assert world.batches == [[1, 2]]


def test_latest_starts_behind_what_is_there_and_stays_there() -> None:
    world = World(lambda e: None, [change(1), change(2)], starting_position="LATEST")
    world.consume()
    assert world.batches == []
    world = World(lambda e: None, [change(n) for n in range(1, 4)], starting_position="LATEST")
    world.positions.save("work-changes", STREAM, "shard-1", Position("2"))
    assert world.consume().batches == [[3]]


def test_a_restart_goes_on_at_the_position(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    world = World(lambda e: None, [change(n) for n in range(1, 6)], path=path)
    world.positions.save("work-changes", STREAM, "shard-1", Position("3"))
    world.state.close()
    assert World(lambda e: None, [change(n) for n in range(1, 6)], path=path).consume().batches == [
        [4, 5]
    ]


def test_a_restart_forgives_no_attempts_and_blames_no_neighbour() -> None:
    world = World(fails_on(3), [change(n) for n in range(1, 6)], max_attempts=3, bisect=True)
    # It died after [3] alone had failed three times: one more is its last.
    world.positions.save("work-changes", STREAM, "shard-1", Position("2", attempts=3, size=1))
    world.consume()
    assert world.batches == [[3], [4, 5]]
    assert world.buried() == [(3, 3)]


@pytest.mark.parametrize("calls", range(1, 8))
def test_a_crash_at_any_call_loses_nothing_and_buries_only_the_poison(
    calls: int, tmp_path: Path
) -> None:
    """The gateway dies as a function is called for the n-th time, and starts again."""
    seen: list[int] = []
    left = [calls]

    def handler(event: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise asyncio.CancelledError  # as kill -9: nothing after this line happens
        fails_on(3)(event)
        seen.extend(numbers(event))

    options: dict[str, Any] = {"path": tmp_path / "s.db", "max_attempts": 2, "bisect": True}
    records = [change(n) for n in range(1, 6)]
    first = World(handler, records, **options)
    with pytest.raises(asyncio.CancelledError):
        first.consume()
    first.state.close()
    world = World(handler, records, **options)
    world.clock.time = first.clock.time
    world.consume()
    assert set(seen) == {1, 2, 4, 5}
    assert world.buried() == [(3, 3)]


def test_a_poisoned_trigger_holds_no_other_up() -> None:
    world = World(fails_on(1), [change(1), change(2)])  # endless attempts
    good = StreamTrigger("good", "good", "things", "arn", starting_position="TRIM_HORIZON")
    world.functions.handlers["good"] = lambda event: None
    functions = city(functions=("work", "good")).functions
    object.__setattr__(world.city, "functions", functions)

    async def scenario() -> None:
        poisoned = StreamConsumer(world.around, world.trigger)
        healthy = StreamConsumer(world.around, good)
        tasks = [asyncio.create_task(each.run()) for each in (poisoned, healthy)]
        for _ in range(500):
            await asyncio.sleep(0.005)
            if [f for f, _ in world.functions.calls].count("work") > 3 and "good" in {
                f for f, _ in world.functions.calls
            }:
                break
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(scenario())
    taken = [numbers(e) for f, e in world.functions.calls if f == "good"]
    assert taken == [[1, 2]]


def test_a_stream_that_is_followed_is_described_once_an_hour() -> None:
    """The data engine goes through all that it keeps of a stream to describe it."""
    world = World(lambda event: None, [change(1)])
    world.source.open = True
    described: list[float] = []
    shards = world.source.shards

    async def counted(stream: str) -> Sequence[Shard]:
        described.append(world.clock.now())
        return await shards(stream)

    world.source.shards = counted  # type: ignore[method-assign]

    async def scenario() -> None:
        task = asyncio.create_task(StreamConsumer(world.around, world.trigger).run())
        while len(described) < 4 or not world.batches:
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(asyncio.wait_for(scenario(), 20))
    assert world.batches == [[1]]
    assert all(later - earlier >= 3600 for earlier, later in pairwise(described))


def test_state_survives_kill_9(tmp_path: Path) -> None:
    script = (
        "import sys; from infra.gateway.state import *; "
        "p = Positions(State(sys.argv[1])); n = 0\n"
        "while True:\n"
        "    n += 1; p.save('t', 's', 'x', Position(str(n))); print(n, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "g.db")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(20):
        acknowledged = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    stored = Positions(State(tmp_path / "g.db")).get("t", "s", "x")
    assert stored is not None
    assert int(stored.sequence) >= acknowledged
