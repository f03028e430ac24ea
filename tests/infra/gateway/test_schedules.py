from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.gateway.city import Schedule
from infra.gateway.deliveries import Deliveries
from infra.gateway.invoker import THROTTLED
from infra.gateway.queues import Queues
from infra.gateway.schedules import Schedules
from infra.gateway.state import State
from tests.infra.gateway.twins import Functions, ManualClock, RefusedError, city, queue

NIGHTLY = Schedule("nightly", "work", "cron(15 3 * * ? *)")
DAY = 86_400


class World:
    def __init__(
        self,
        schedule: Schedule = NIGHTLY,
        handler: Callable[[Any], Any] = lambda event: None,
        path: Path | str = ":memory:",
        now: float = 1_800_000_000.0,  # 2027-01-15 08:00:00 UTC
    ) -> None:
        self.clock = ManualClock(now)
        self.state = State(path)
        self.functions = Functions(work=handler)
        self.schedule = schedule
        made = city(queues=(queue("dead"),), schedules=(schedule,))
        self.queues = Queues(self.state, made.queues, self.clock)
        self.deliveries = Deliveries(
            self.state,
            made,
            invoker=self.functions,
            clock=self.clock,
            dead_letter=lambda name, letter: (self.queues.send(name, json.dumps(letter)), None)[1],
        )
        self.schedules = Schedules(self.state, made, deliveries=self.deliveries, clock=self.clock)
        self.schedules.prepare()

    def claim(self, at: float) -> bool:
        self.clock.time = at
        return self.schedules.claim(self.schedule)

    def deliver(self, until: Callable[[], object] | None = None) -> World:
        async def scenario() -> None:
            task = asyncio.create_task(self.deliveries.run())
            async with asyncio.timeout(10):
                while not (until or (lambda: self.deliveries.waiting() == 0))():
                    await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(scenario())
        return self


SLOT = 1_800_000_000 + 19 * 3600 + 15 * 60  # the next 03:15


def test_a_slot_runs_once_at_its_time() -> None:
    world = World()
    assert [world.claim(SLOT + off) for off in (-1, 0, 1, DAY - 1, DAY)] == [
        *(False, True, False, False, True),
    ]


def test_a_slot_runs_once_across_restarts(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    first = World(path=path)
    assert first.claim(SLOT)
    first.state.close()
    second = World(path=path, now=SLOT + 5)
    assert not second.claim(SLOT + 5)
    # It was claimed and not yet delivered when the gateway died: it is delivered now, once.
    assert len(second.deliver().functions.calls) == 1
    second.state.close()
    assert World(path=path, now=SLOT + 9).deliver().functions.calls == []


def test_after_days_without_a_gateway_the_newest_slot_runs_once(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    World(path=path).state.close()
    world = World(path=path, now=SLOT + 5 * DAY + 60)
    assert world.claim(SLOT + 5 * DAY + 60)
    assert not world.claim(SLOT + 5 * DAY + 61)
    ((_, event),) = world.deliver().functions.calls
    assert event["time"] == "2027-01-21T03:15:00Z"


def test_an_altered_expression_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    World(path=path).state.close()
    world = World(Schedule("nightly", "work", "rate(1 minute)"), path=path, now=SLOT + DAY)
    assert not world.claim(SLOT + DAY + 59)
    assert world.claim(SLOT + DAY + 60)


def test_a_broken_expression_stops_no_other() -> None:
    assert not World(Schedule("odd", "work", "cron(nonsense)")).claim(SLOT)


def test_the_event_of_the_scheduler() -> None:
    world = World()
    world.claim(SLOT)
    ((_, event),) = world.deliver().functions.calls
    arn = "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/nightly"
    assert event == {
        "version": "0",
        "id": event["id"],
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "123456789012",
        "time": "2027-01-16T03:15:00Z",
        "region": "eu-west-1",
        "resources": [arn],
        "detail": "{}",
    }
    assert world.functions.kinds == ["schedule"]


def test_an_input_replaces_the_event() -> None:
    text = '{"slot":"<aws.scheduler.scheduled-time>"}'
    world = World(Schedule("n", "work", "cron(15 3 * * ? *)", input=text))
    world.claim(SLOT)
    ((_, event),) = world.deliver().functions.calls
    assert event == {"slot": "2027-01-16T03:15:00Z"}


def failing(event: Any) -> None:
    raise ValueError("no")


def test_a_failed_run_is_tried_twice_more_and_then_dead_lettered() -> None:
    world = World(Schedule("n", "work", "cron(15 3 * * ? *)", dead_letters="dead"), failing)
    world.claim(SLOT)
    started = world.clock.time
    world.deliver()
    assert len(world.functions.calls) == 3
    assert world.clock.time - started >= 180
    (message,) = world.queues.receive("dead", 10)
    letter = json.loads(message.body)
    assert letter["requestContext"]["condition"] == "RetriesExhausted"
    assert letter["requestContext"]["approximateInvokeCount"] == 3
    assert letter["requestPayload"]["source"] == "aws.scheduler"
    assert letter["responsePayload"]["errorType"] == "ValueError"


def test_retries_end_with_the_age_of_the_event() -> None:
    world = World(Schedule("n", "work", "cron(15 3 * * ? *)", max_age=150), failing)
    world.claim(SLOT)
    world.deliver()
    assert len(world.functions.calls) == 2


def test_no_retries_when_the_policy_says_so() -> None:
    world = World(Schedule("n", "work", "cron(15 3 * * ? *)", max_attempts=0), failing)
    world.claim(SLOT)
    assert len(world.deliver().functions.calls) == 1


def test_throttling_counts_no_attempt() -> None:
    def handler(event: Any) -> None:
        if len(world.functions.calls) < 6:
            raise RefusedError(THROTTLED)

    world = World(handler=handler)
    world.claim(SLOT)
    assert len(world.deliver().functions.calls) == 6


def test_a_run_that_the_gateway_dies_in_happens_again(tmp_path: Path) -> None:
    async def hang(event: Any) -> None:
        await asyncio.Event().wait()

    first = World(handler=hang, path=tmp_path / "s.db")
    first.claim(SLOT)
    first.deliver(until=lambda: first.functions.calls)
    first.state.close()
    world = World(path=tmp_path / "s.db", now=SLOT + 1)
    assert len(world.deliver().functions.calls) == 1
