"""The triggers of a city together, over the real data engine."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from covey.files.directory import DirectoryBlobs
from covey.store.signing import Credentials
from covey.store.transport import LeanTransport
from infra.gateway.city import City, QueueTrigger, StreamTrigger, UploadTrigger
from infra.gateway.queues import Queues
from infra.gateway.triggers import Triggers
from tests.infra.gateway.twins import Functions, city, queue


class World:
    def __init__(self, folder: Path, engine: str, table: str, **handlers: Callable[[Any], Any]):
        self.folder, self.engine, self.table = folder, engine, table
        self.data = LeanTransport(engine, "us-east-1", lambda: Credentials("testing", "testing"))
        self.functions = Functions(**handlers)

    def write(self, *names: str) -> None:
        for name in names:
            item = {"pk": {"S": "p"}, "sk": {"S": name}, "blob": {"B": "AAE="}}
            self.data.call("PutItem", {"TableName": self.table, "Item": item})

    def city(self, **more: Any) -> City:
        return city(
            functions=tuple(self.functions.handlers),
            queues=(
                queue("work", dead_letters="dead", max_receives=2, visibility_timeout=1),
                queue("dead"),
                queue("changes-dead"),
            ),
            **more,
        )

    def stream(self, function: str, **more: Any) -> StreamTrigger:
        more = {"starting_position": "TRIM_HORIZON", **more}
        return StreamTrigger(function, function, self.table, f"arn:{self.table}", **more)

    def run(self, made: City, until: Callable[[], bool], act: Callable[[Triggers], None]) -> None:
        async def scenario() -> None:
            triggers = Triggers(
                self.folder, invoker=self.functions, engine=self.engine, files_secret="s"
            )
            await triggers.serve(made)
            try:
                await asyncio.to_thread(act, triggers)
                triggers.nudge()
                async with asyncio.timeout(15):
                    while not until():
                        await asyncio.sleep(0.005)
                await asyncio.sleep(0.05)
            finally:
                await triggers.stop()

        asyncio.run(scenario())

    def changes(self, function: str) -> list[str]:
        return [
            record["dynamodb"]["Keys"]["sk"]["S"]
            for name, event in self.functions.calls
            if name == function
            for record in event["Records"]
        ]


DEAD = ("dead", "changes-dead")


def letters(world: World, name: str) -> list[Any]:
    from infra.gateway.clock import SystemClock
    from infra.gateway.queues import Queues
    from infra.gateway.state import State

    state = State(world.folder / "gateway.db")
    queues = Queues(state, world.city().queues, SystemClock())
    found = [message.body for message in queues.receive(name, 10)]
    state.close()
    return found


def refuse_poison(event: Any) -> None:
    if any(r["dynamodb"]["Keys"]["sk"]["S"] == "poison" for r in event["Records"]):
        raise ValueError("poison")


def test_poison_lands_in_dead_letters_while_neighbours_are_processed(
    tmp_path: Path, engine: str, table: str
) -> None:
    taken: list[str] = []

    def stubborn(event: Any) -> None:
        refuse_poison(event)
        taken.extend(r["dynamodb"]["Keys"]["sk"]["S"] for r in event["Records"])

    handled: list[str] = []

    def work(event: Any) -> Any:
        bad = [r["messageId"] for r in event["Records"] if r["body"] == "poison"]
        handled.extend(r["body"] for r in event["Records"] if r["body"] != "poison")
        return {"batchItemFailures": [{"itemIdentifier": each} for each in bad]}

    world = World(tmp_path, engine, table, stubborn=stubborn, healthy=lambda event: None, work=work)
    made = world.city(
        streams=(
            world.stream("stubborn", max_attempts=1, bisect=True, on_failure="changes-dead"),
            world.stream("healthy"),
        ),
        queue_triggers=(QueueTrigger("q", "work", "work", item_failures=True),),
    )

    queues: list[Queues] = []

    def act(triggers: Triggers) -> None:
        queues.append(triggers._queues)
        world.write("a", "poison", "b")
        for body in ("x", "poison", "y"):
            triggers._queues.send("work", body)

    def done() -> bool:
        return len(taken) == 2 and all(sum(queues[0].counts(one)) for one in DEAD)

    world.run(made, done, act)
    assert taken == ["a", "b"]
    assert world.changes("healthy") == ["a", "poison", "b"]
    (letter,) = letters(world, "changes-dead")
    info = json.loads(letter)["DDBStreamBatchInfo"]
    assert info["startSequenceNumber"] == info["endSequenceNumber"]
    assert sorted(handled) == ["x", "y"]
    assert letters(world, "dead") == ["poison"]


def test_a_restart_delivers_what_was_written_meanwhile_and_nothing_again(
    tmp_path: Path, engine: str, table: str
) -> None:
    world = World(tmp_path, engine, table, work=lambda event: None)
    made = world.city(streams=(world.stream("work", starting_position="LATEST"),))
    world.write("before")
    world.run(
        made,
        lambda: world.changes("work") == ["a"],
        lambda triggers: (time.sleep(1), world.write("a"), None)[2],
    )
    world.write("b", "c")
    world.run(made, lambda: len(world.changes("work")) == 3, lambda triggers: None)
    assert world.changes("work") == ["a", "b", "c"]
    event = world.functions.calls[0][1]["Records"][0]
    assert event["eventName"] == "INSERT"
    assert event["awsRegion"] == "eu-west-1"
    assert event["eventSourceARN"] == f"arn:{table}"
    assert event["dynamodb"]["NewImage"]["blob"] == {"B": "AAE="}


def test_a_stored_file_and_a_new_city(tmp_path: Path, engine: str, table: str) -> None:
    world = World(tmp_path, engine, table, work=lambda event: None)
    upload = UploadTrigger("u", "work", "files", ("s3:ObjectCreated:*",))
    blobs = DirectoryBlobs(tmp_path / "files", "files", secret="s", public_url="")

    async def scenario() -> None:
        triggers = Triggers(tmp_path, invoker=world.functions, engine=engine, files_secret="s")
        await triggers.serve(world.city())
        await triggers.serve(world.city(uploads=(upload,)))
        await asyncio.to_thread(blobs.put, "k", b"x", content_type="text/plain")
        async with asyncio.timeout(10):
            while not world.functions.calls:
                await asyncio.sleep(0.005)
        await triggers.stop()

    asyncio.run(scenario())
    assert world.functions.calls[0][1]["Records"][0]["s3"]["object"]["key"] == "k"


def test_changes_written_one_by_one_arrive_each_once_in_order(
    tmp_path: Path, engine: str, table: str
) -> None:
    arrived: list[str] = []

    def work(event: dict[str, Any]) -> None:
        arrived.extend(record["dynamodb"]["Keys"]["sk"]["S"] for record in event["Records"])

    world = World(tmp_path, engine, table, work=work)
    written = [str(number) for number in range(10)]

    def act(triggers: Triggers) -> None:
        for number in written:
            world.write(number)
            time.sleep(0.05)

    world.run(world.city(streams=(world.stream("work"),)), lambda: len(arrived) >= 10, act)
    assert arrived == written


@pytest.mark.parametrize("engine_away", ["http://127.0.0.1:9"])
def test_an_engine_that_is_away_stops_nothing_else(tmp_path: Path, engine_away: str) -> None:
    world = World(tmp_path, engine_away, "things-table", work=lambda event: None)
    made = world.city(
        streams=(world.stream("work"),), queue_triggers=(QueueTrigger("q", "work", "work"),)
    )
    world.run(
        made,
        lambda: bool(world.functions.calls),
        lambda triggers: (triggers._queues.send("work", "x"), None)[1],
    )
    assert world.functions.kinds == ["queue"]
