"""Deliveries over simulated days: order, retries, isolation, and what becomes of the hopeless."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from covey import json
from covey.collections.model import Collection, Field
from covey.outbound.client import Answer, Unreachable
from covey.testing.simulated import MINUTE, START, Deployment, written
from covey.testing.webhooks import (
    MemoryDeliveryStore,
    MemoryEndpointStore,
    MemoryTurns,
    ScriptedOutbound,
)
from covey.webhooks.model import Attempt, Delivery, Health, Status
from covey.webhooks.retrying import DELAYS, HOUR, Circuit, next_try, wish

POSTS = Collection("posts", {"number": Field("number", "integer", "1")})
Does = Callable[[Mapping[str, str], Any], int]


class Servers(ScriptedOutbound):
    """Receivers by host: each says what it answers to an event."""

    def __init__(self) -> None:
        super().__init__()
        self.does: dict[str, Does] = {}
        self.told: dict[str, list[tuple[str, int]]] = {}
        self.retry_after = ""
        self.lock = threading.Lock()

    def answer(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        host = url.split("/")[2].partition(".")[0]
        data = json.decode(body)["data"]["record"]
        with self.lock:
            self.told.setdefault(host, []).append((data["id"], data["number"]))
        status = self.does.get(host, lambda *_: 204)(headers, data)
        if not status:
            raise Unreachable("too slow")
        told = {"retry-after": self.retry_after} if self.retry_after else {}
        return Answer(status, told, b"")


class World(Deployment):
    def __init__(self, **more: Any) -> None:
        self.servers = Servers()
        self.kept = MemoryDeliveryStore()
        super().__init__(MemoryEndpointStore(), self.kept, MemoryTurns(), self.servers, **more)
        self._sequence = 0

    def write(self, *records: str) -> None:
        """A version more of each record."""
        batch = []
        for record in records:
            self._sequence += 1
            batch.append(written(record, 1, self._sequence, self.clock.ms))
        self.change(POSTS, batch)

    def log(self, endpoint: str) -> list[Delivery]:
        return list(self.kept.newest(endpoint, "", "~", 10_000))[::-1]

    def times(self, endpoint: str) -> list[int]:
        """When its one delivery was attempted, from the first attempt on."""
        (one,) = self.log(endpoint)
        return [attempt.at - one.attempts[0].at for attempt in one.attempts]


def fails(*_: Any) -> int:
    return 500


def test_the_changes_of_a_record_arrive_in_their_order() -> None:
    world = World()
    world.endpoint("a")
    for _ in range(5):
        world.write(*[f"r{number % 7}" for number in range(60)])
    world.work()
    told = world.servers.told["a"]
    assert len(told) == 300
    for record in {one for one, _ in told}:
        numbers = [number for one, number in told if one == record]
        assert numbers == sorted(numbers)


def test_a_failure_is_tried_again_at_the_times_of_standard_webhooks_and_then_given_up() -> None:
    world = World()
    world.endpoint("a")
    world.servers.does["a"] = fails
    world.write("r1")
    world.until(START + 76 * HOUR)
    expected, at = [0], 0
    for delay in DELAYS:
        at += delay
        expected.append(at)
    late = [real - wanted for real, wanted in zip(world.times("a"), expected, strict=True)]
    # Never early; late by the wait for a second of the queue's, each time anew.
    assert all(0 <= one <= 1_000 * (number + 1) for number, one in enumerate(late)), late
    (one,) = world.log("a")
    assert (one.status, one.made, one.due) == (Status.FAILED, 10, 0)
    world.until(START + 100 * HOUR)
    assert world.log("a")[0].made == 10


def test_one_attempt_per_due_time_however_many_workers_come() -> None:
    world = World()
    world.endpoint("a")
    world.servers.does["a"] = fails
    world.write("r1")
    for _ in range(20):
        world.waker.wake("a")
    world.work()
    assert world.attempts == 1
    world.until(START + 4_000)
    assert world.attempts == 1
    world.until(START + 6_000)
    assert world.attempts == 2


def test_the_id_stays_over_retries_and_the_time_does_not() -> None:
    world = World()
    world.endpoint("a")
    world.servers.does["a"] = fails
    world.write("r1")
    world.until(START + 10 * MINUTE)
    headers = [one[2] for one in world.servers.calls]
    assert len(headers) == 3
    assert len({one["webhook-id"] for one in headers}) == 1
    assert len({one["webhook-timestamp"] for one in headers}) == 3
    assert len({one["webhook-signature"] for one in headers}) == 3


def test_a_retry_may_come_after_what_followed() -> None:
    world = World()
    world.endpoint("a")
    failing = iter([500])
    world.servers.does["a"] = lambda *_: next(failing, 204)
    world.write("r1", "r1", "r1")
    world.until(START + MINUTE)
    assert [number for _, number in world.servers.told["a"]] == [1, 2, 3, 1]


def test_an_endpoint_that_fails_is_left_alone_and_others_are_not_held_up() -> None:
    world = World()
    world.endpoint("a")
    world.endpoint("b")
    world.servers.does["a"] = lambda *_: 0
    world.write(*[f"r{number}" for number in range(200)])
    world.work()
    tried = len(world.servers.told["a"])
    assert tried <= 5 + 8  # patience, and what was under way
    assert len(world.servers.told["b"]) == 200
    world.until(START + 10 * MINUTE)
    # One attempt at a time asks whether it is well again, ever less often.
    assert len(world.servers.told["a"]) - tried <= 10
    world.servers.does["a"] = lambda *_: 204
    world.until(START + 30 * MINUTE)
    assert {one.status for one in world.log("a")} == {Status.DELIVERED}
    first = {}
    for record, number in world.servers.told["a"]:
        first.setdefault(record, number)
    assert len(first) == 200


def test_a_receiver_that_is_busy_is_left_alone_for_as_long_as_it_asks() -> None:
    world = World()
    world.endpoint("a")
    busy = iter([429])
    world.servers.does["a"] = lambda *_: next(busy, 204)
    world.servers.retry_after = "600"
    world.write("r1")
    world.work()
    world.write("r2")
    world.until(START + 9 * MINUTE)
    assert len(world.servers.told["a"]) == 1
    world.until(START + 12 * MINUTE)
    assert [record for record, _ in world.servers.told["a"]] == ["r1", "r2", "r1"]


def test_a_server_that_is_gone_is_disabled_at_once() -> None:
    world = World(at_once=1)
    world.endpoint("a")
    world.servers.does["a"] = lambda *_: 410
    world.write("r1", "r2", "r3")
    world.until(START + HOUR)
    assert world.disabled == [("a", "gone")]
    assert len(world.servers.told["a"]) == 1
    assert [one.status for one in world.log("a")].count(Status.FAILED) == 1


def test_one_that_takes_nothing_for_three_days_is_disabled() -> None:
    world = World()
    world.endpoint("a")
    world.servers.does["a"] = fails
    for hour in range(80):
        world.until(START + hour * HOUR)
        if not world.disabled:
            world.write(f"r{hour}")
    assert world.disabled == [("a", "failing")]
    last = max(one.attempts[-1].at for one in world.log("a") if one.attempts)
    assert START + 72 * HOUR <= last <= START + 74 * HOUR


def test_a_success_now_and_then_keeps_an_endpoint() -> None:
    world = World()
    world.endpoint("a")
    world.servers.does["a"] = lambda _, data: 204 if data["id"] == "good" else 500
    for day in range(6):
        world.until(START + day * 24 * HOUR)
        world.write("bad", "good")
    assert world.disabled == []


def test_what_a_worker_that_died_had_begun_is_done_by_another() -> None:
    world = World()
    world.endpoint("a")
    world.write("r1")
    (due,) = world.kept.due("a", 1)
    assert world.turns.take("a", START, START + MINUTE)
    assert world.kept.claim(due, START, START + MINUTE)
    world.until(START + MINUTE - 1)
    assert "a" not in world.servers.told
    world.until(START + 3 * MINUTE)
    assert len(world.servers.told["a"]) == 1


def test_nothing_is_left_of_the_turn_at_an_endpoint_that_is_removed() -> None:
    world = World()
    world.endpoint("a")
    world.write("r1")
    world.endpoints.remove("a")
    world.work()
    assert world.servers.told == {}
    assert world.turns.read("a") == Health()


def test_a_place_that_is_stale_leads_to_no_attempt() -> None:
    world = World()
    world.endpoint("a")
    world.servers.does["a"] = fails
    world.write("r1")
    stale = world.kept.due("a", 1)[0]
    world.work()
    world.kept.requeue(replace(world.log("a")[0], due=stale.due))  # as if it had not been dropped
    assert len(world.kept.due("a", 5)) == 2
    world.waker.wake("a")
    world.work()
    assert world.attempts == 1
    (left,) = world.kept.due("a", 5)
    assert left.due == world.log("a")[0].due


def test_who_asks_while_a_worker_is_about_to_leave_is_heard() -> None:
    world = World()
    world.endpoint("a")
    world.write("r1")

    def another(*_: Any) -> int:
        if len(world.servers.told["a"]) == 1:
            world.write("r2")
            for message in world.queue.take():  # its worker finds the turn taken
                world.courier.run(message["endpoint"], lambda: True)
        return 204

    world.servers.does["a"] = another
    world.work()
    assert [record for record, _ in world.servers.told["a"]] == ["r1", "r2"]
    assert world.turns.read("a").lease == 0


def test_a_retry_is_in_time_though_somebody_asked_while_its_worker_was_about_to_leave() -> None:
    world = World()
    world.endpoint("a")
    world.write("r1")

    def fails_once(*_: Any) -> int:
        if len(world.servers.told["a"]) > 1:
            return 204
        assert world.turns.take("a", world.clock(), world.clock() + MINUTE) is None
        return 500

    world.servers.does["a"] = fails_once
    world.until(START + 7_000)
    assert len(world.servers.told["a"]) == 2


def test_a_worker_without_time_leaves_the_rest_to_the_next() -> None:
    world = World(at_once=1)
    world.endpoint("a")
    world.write(*[f"r{number}" for number in range(10)])
    world.queue.take()
    left = iter([True] * 6)
    world.courier.run("a", lambda: next(left, False))
    assert 0 < len(world.servers.told["a"]) < 10
    assert world.queue.next() is not None
    world.work()
    assert Counter(number for _, number in world.servers.told["a"]) == Counter(range(1, 11))


def test_no_more_than_a_few_requests_are_under_way_at_one_endpoint() -> None:
    world = World()
    world.endpoint("a")
    lock, now, most = threading.Lock(), [0], [0]

    def slow(*_: Any) -> int:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.002)
        with lock:
            now[0] -= 1
        return 204

    world.servers.does["a"] = slow
    world.write(*[f"r{number}" for number in range(100)])
    world.work()
    assert 1 < most[0] <= 8


def test_a_fault_of_ours_in_one_delivery_is_raised_and_the_others_go_on() -> None:
    world = World()
    world.endpoint("a")

    def breaks(_: Any, data: Any) -> int:
        if data["id"] == "r3":
            raise RuntimeError("a bug")
        return 204

    world.servers.does["a"] = breaks
    world.write(*[f"r{number}" for number in range(6)])
    world.queue.take()
    with pytest.raises(RuntimeError):
        world.courier.run("a", lambda: True)
    assert world.turns.read("a").lease == 0
    statuses = Counter(one.status for one in world.log("a"))
    assert statuses == {Status.DELIVERED: 5, Status.PENDING: 1}


# ---- the arithmetic of it


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("", 0),
        ("120", 120_000),
        ("0", 0),
        ("-5", 0),
        ("99999999999", 0),
        ("soon", 0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Fri, 15 Jan 2027 08:05:00 GMT", 300_000),
        ("Fri, 15 Jan 2027 08:05:00", 300_000),
        ("\u0661\u0662", 0),
    ],
)
def test_how_long_a_receiver_asks_to_be_left_alone(written: str, wanted: int) -> None:
    assert wish({"retry-after": written}, START) == wanted


def test_a_wish_is_heeded_within_bounds_and_never_makes_a_retry_earlier() -> None:
    def after(seconds: str) -> int | None:
        return next_try(1, 0, Attempt(0, 0, "u", 503, "", {"retry-after": seconds}), lambda: 0.5)

    assert after("1") == 5_000
    assert after("60") == 60_000
    assert after("999999999") == 24 * HOUR


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_jitter_is_a_tenth_either_way(chance: float) -> None:
    failed = Attempt(0, 0, "u", 500)
    delays = [next_try(tries, 0, failed, lambda: chance) for tries in range(1, 10)]
    for delay, wanted in zip(delays, DELAYS, strict=True):
        assert delay is not None
        assert 0.9 * wanted - 1 <= delay <= 1.1 * wanted
    assert next_try(10, 0, failed, lambda: chance) is None


def test_a_circuit_opens_asks_with_one_and_closes_with_the_first_success() -> None:
    circuit = Circuit(Health(), lambda: 0.5)
    failed = Attempt(0, 0, "u", 500)
    for _ in range(5):
        assert circuit.enter(0)
        circuit.failed(0, failed)
    assert not circuit.enter(4_999)
    assert circuit.enter(5_000)
    assert not circuit.enter(5_000)  # one asks
    circuit.failed(5_000, failed)
    assert not circuit.enter(14_999)
    assert circuit.enter(15_000)
    circuit.succeeded()
    assert all(circuit.enter(15_000) for _ in range(3))
    assert circuit.health == Health()
