"""Sockets: what they may say, what they are answered, and what they are told of changes."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.errors import Unauthenticated
from covey.identity.principal import GUEST
from covey.realtime.model import MAX_SUBSCRIPTIONS
from covey.realtime.tickets import TICKET_SECONDS, Tickets
from covey.testing.records import MemoryRecordStore
from tests.layers.core.realtime.house import ANN, DRAFT, PUBLIC, House, change, post


@pytest.fixture
def house() -> House:
    return House()


def test_a_draft_is_told_to_its_author_alone(house: House) -> None:
    for name, token in (("a", "ann-token"), ("b", "ben-token"), ("g", "")):
        house.listen(house.open(name, token))
    told = house.tell(change(None, DRAFT))
    assert set(told) == {"a"}
    ((kind, record),) = told["a"]
    assert (kind, record["note"]) == ("created", "mine")


def test_a_post_that_comes_into_sight_carries_no_hidden_field(house: House) -> None:
    house.listen(house.open("g"))
    ((kind, record),) = house.tell(change(DRAFT, PUBLIC))["g"]
    assert (kind, record["title"]) == ("updated", "A")
    assert "note" not in record


def test_a_post_that_goes_out_of_sight_has_left_with_its_id_alone(house: House) -> None:
    house.listen(house.open("g"))
    assert house.tell(change(PUBLIC, replace(DRAFT, version=3)))["g"] == [("left", {"id": "p1"})]
    assert house.tell(change(PUBLIC, None))["g"] == [("deleted", {"id": "p1"})]
    assert house.tell(change(DRAFT, None)) == {}


def test_a_filter_decides_what_is_told(house: House) -> None:
    house.listen(house.open("g"), filter='title == "B"')
    assert house.tell(change(None, PUBLIC)) == {}
    titled = replace(PUBLIC, version=3, values={**PUBLIC.values, "title": "B"})
    assert [kind for kind, _ in house.tell(change(PUBLIC, titled))["g"]] == ["updated"]


def test_every_event_is_authorised_with_the_rights_of_its_moment(house: House) -> None:
    house.listen(house.open("b", "ben-token"))
    red = replace(DRAFT, values={**DRAFT.values, "team": "red"})
    assert set(house.tell(change(None, red))) == {"b"}
    house.teams["ben"] = {"team": "blue"}
    assert house.tell(change(None, red)) == {}


def test_a_sign_in_that_ran_out_is_told_nothing_and_may_not_subscribe(house: House) -> None:
    house.listen(house.open("a", "ann-token"))
    house.now += 901
    assert house.tell(change(None, PUBLIC)) == {}
    assert house.listen("a")["code"] == "sign_in_expired"
    house.say("a", type="auth", token="ann-token")
    assert set(house.tell(change(None, DRAFT))) == {"a"}


def test_a_gone_socket_is_forgotten_and_holds_nobody_up(house: House) -> None:
    for name in ("gone", "here"):
        house.listen(house.open(name))
    house.sockets.gone.add("gone")
    assert set(house.tell(change(None, PUBLIC))) == {"here"}
    assert house.store.get("gone") is None
    assert list(house.store.subscriptions("gone")) == []
    assert [one.id for one in house.store.subscriptions("here")] == ["1"]


def test_a_record_too_large_for_a_message_is_told_by_its_id_and_stops_nobody(house: House) -> None:
    house.open("a")
    house.listen("a")
    house.tell(
        change(None, post(title="x" * 200_000, published=True)),
        change(None, post(title="small", published=True)),
    )
    large, small = map(json.loads, house.sockets.posted["a"])
    assert large["partial"] is True
    assert large["record"] == {"id": post().id}
    assert small["record"]["title"] == "small"
    assert "partial" not in small


def test_events_of_one_record_come_in_order(house: House) -> None:
    house.listen(house.open("g"))
    versions = [replace(PUBLIC, version=number) for number in range(1, 30)]
    told = house.tell(*(change(a, b) for a, b in pairwise(versions)))
    assert [record["version"] for _, record in told["g"]] == list(range(2, 30))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({}, "unknown_message"),
        ({"type": "shout"}, "unknown_message"),
        ({"type": ["subscribe"]}, "unknown_message"),
        ({"type": "auth"}, "invalid_message"),
        ({"type": "auth", "token": "forged"}, "invalid_token"),
        ({"type": "subscribe", "id": "1"}, "invalid_message"),
        ({"type": "subscribe", "id": 1, "collection": "posts"}, "invalid_message"),
        ({"type": "subscribe", "id": "x" * 65, "collection": "posts"}, "invalid_message"),
        ({"type": "subscribe", "id": "1", "collection": "nowhere"}, "not_found"),
        ({"type": "subscribe", "id": "1", "collection": "closed"}, "not_found"),
        ({"type": "subscribe", "id": "1", "collection": "posts", "filter": 1}, "invalid_filter"),
        ({"type": "subscribe", "id": "1", "collection": "posts", "filter": "("}, "invalid_filter"),
        (
            {"type": "subscribe", "id": "1", "collection": "posts", "filter": "note == 'x'"},
            "invalid_filter",
        ),
        (
            {"type": "subscribe", "id": "1", "collection": "posts", "filter": "nothing == 'x'"},
            "invalid_filter",
        ),
        ({"type": "unsubscribe", "id": "1"}, "not_found"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else value,
)
def test_a_message_that_cannot_be_taken_is_answered_and_changes_nothing(
    house: House, message: dict[str, Any], code: str
) -> None:
    house.open("g")
    answer = house.say("g", **message)
    assert (answer["type"], answer["code"]) == ("error", code)
    assert list(house.store.subscriptions("g")) == []


@given(frame=st.one_of(st.text(max_size=200), st.binary(max_size=50).map(repr)))
def test_no_frame_at_all_breaks_a_conversation(frame: str) -> None:
    house = House()
    house.open("g")
    assert house.frame("g", frame)["type"] in {"error", "pong"}


@pytest.mark.parametrize("frame", ["[" * 40_000, "\ud800", '{"type":"ping","type":"ping"}', ""])
def test_hostile_frames_are_refused(house: House, frame: str) -> None:
    house.open("g")
    assert house.frame("g", frame)["type"] == "error"


def test_a_socket_has_a_limit_of_subscriptions(house: House) -> None:
    house.open("g")
    codes = [
        house.say("g", type="subscribe", id=str(number), collection="posts").get("code", "ready")
        for number in range(MAX_SUBSCRIPTIONS + 2)
    ]
    assert codes.count("ready") == MAX_SUBSCRIPTIONS
    assert codes[-1] == "rate_limited"


def test_pings_are_answered_and_a_closed_connection_is_not_known(house: House) -> None:
    house.open("g")
    assert house.say("g", type="ping") == {"type": "pong"}
    assert house.say("nobody", type="ping")["code"] == "not_found"


def test_a_ticket_opens_one_socket_within_a_minute() -> None:
    now = time.time()
    clock = [now]
    tickets = Tickets(
        MemoryRecordStore(clock=lambda: clock[0]), session_seconds=900, now=lambda: clock[0]
    )
    ticket = tickets.issue(ANN)
    identity = tickets.redeem(ticket)
    assert identity is not None
    assert identity.principal(int(now)) == ANN
    assert tickets.redeem(ticket) is None
    late = tickets.issue(ANN)
    clock[0] += TICKET_SECONDS + 1
    assert tickets.redeem(late) is None
    for forged in ("", "x" * 500, "é"):
        assert tickets.redeem(forged) is None
    with pytest.raises(Unauthenticated):
        tickets.issue(GUEST)


def test_a_ticket_lengthens_no_sign_in() -> None:
    now = int(time.time())
    tickets = Tickets(MemoryRecordStore(), session_seconds=900)
    identity = tickets.redeem(tickets.issue(replace(ANN, until=now + 100)))
    assert identity is not None
    assert identity.until == now + 100
