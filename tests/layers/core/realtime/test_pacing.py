"""Sockets that send too fast are told when to go on, and closed if they do not stop."""

from __future__ import annotations

import json
from typing import Any

from covey.realtime.messages import Conversation
from covey.realtime.model import Connection, Identity
from covey.realtime.pacing import BURST_SECONDS, CLOSED_AT, Pacing
from covey.testing.frames import MemoryFrames
from covey.testing.realtime import MemoryConnectionStore

RATE = 5
BURST = RATE * BURST_SECONDS


class House:
    def __init__(self, rate: int = RATE) -> None:
        self.now = 1_000.0
        self.closed: list[str] = []
        store = MemoryConnectionStore()
        for name in ("a", "b"):
            store.open(Connection(name, Identity(), 10_000))
        pacing = Pacing(MemoryFrames(), rate, now=lambda: self.now)
        self.conversation = Conversation(store, pace=pacing.take, close=self.closed.append)

    def say(self, connection: str = "a", frame: str = '{"type": "ping"}') -> dict[str, Any]:
        (answer,) = self.conversation.answers(connection, frame)
        return answer


def test_a_burst_is_taken_and_what_goes_on_too_fast_is_told_when_to_go_on() -> None:
    house = House()
    assert [house.say()["type"] for _ in range(BURST)] == ["pong"] * BURST
    refused = house.say()
    assert (refused["type"], refused["code"]) == ("error", "rate_limited")
    assert refused["retry_after"] == 1
    assert house.say("b") == {"type": "pong"}  # others are others
    house.now += refused["retry_after"]
    assert house.say() == {"type": "pong"}
    assert house.closed == []


def test_the_rate_can_be_kept_up_for_ever() -> None:
    house = House()
    for _ in range(10 * BURST):
        house.now += 1 / RATE
        assert house.say() == {"type": "pong"}


def test_who_does_not_stop_is_closed() -> None:
    house = House()
    answers = [house.say() for _ in range(CLOSED_AT * BURST + 1)]
    assert answers[-1]["closed"] is True
    assert "closed" not in answers[-2]
    assert house.closed == ["a"]


def test_frames_that_are_malformed_count_too() -> None:
    house = House()
    for _ in range(BURST):
        house.say(frame="[")
    assert house.say(frame="[")["code"] == "rate_limited"
    assert house.say(frame=json.dumps({"type": "ping"}))["code"] == "rate_limited"


def test_without_a_rate_nothing_is_counted() -> None:
    house = House(rate=0)
    assert {house.say()["type"] for _ in range(10 * BURST)} == {"pong"}
