"""Frames that nobody meant: each is answered, none breaks anything, and nothing leaks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.layers.core.channels.test_rooms import House

KINDS = ["join", "leave", "publish", "state", "presence", "ping", "auth", "subscribe", "", "JOIN"]
CHANNELS = [
    *("rooms/42", "rooms/43", "open", "news", "staff", "rooms", "rooms/", "/", "rooms/42/"),
    *("rooms/42:ann", "rooms/{room}", "../rooms/42", "rooms/%34%32", "rooms/42\x00", "ROOMS/42"),
    *("rooms/" + "x" * 300, "\u202erooms/42", "rooms/\U0001f600", "!catalog", "rooms//42"),
]
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
messages = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(KINDS) | values,
        "channel": st.sampled_from(CHANNELS) | values,
        "data": st.just({"text": "x"}) | values,
        "state": values,
        "id": st.text(max_size=70) | values,
        "token": values,
        "collection": values,
    },
)
NASTY = [
    "",
    " ",
    "null",
    "[]",
    "0",
    '"join"',
    "{",
    '{"type":"join"',
    '{"type":"join","type":"leave","channel":"open"}',
    '{"type":"join","channel":"open","channel":"staff"}',
    '{"type":"join","channel":"\\ud800"}',
    '{"type":"publish","channel":"open","data":NaN}',
    '{"type":"publish","channel":"open","data":1e400}',
    '{"type":"publish","channel":"open","data":' + "9" * 5_000 + "}",
    '{"type":"publish","channel":"open","data":' + "[" * 5_000 + "]" * 5_000 + "}",
    '{"type":"publish","channel":"open","data":"' + "x" * 40_000 + '"}',
    '{"type":"publish","channel":"open","data":"\\u0000"}',
    '{"type":"state","channel":"open","state":"' + "\\u2028" * 2_000 + '"}',
    '{"__proto__":{"type":"join"},"channel":"open"}',
    "\ufeff" + '{"type":"ping"}',
    '{"type":"ping"}{"type":"ping"}',
    "\ud800",
    "\x00",
    "ping",
    "<script>alert(1)</script>",
    '{"type":{"$ne":null}}',
    '{"type":"join","channel":{"$gt":""}}',
]


def answered(house: House, connection: str, frame: str) -> list[dict[str, Any]]:
    answers = list(house.conversation.answers(connection, frame))
    json.dumps(answers)
    assert all(isinstance(one.get("type"), str) for one in answers)
    return answers


@pytest.mark.parametrize("frame", NASTY, ids=lambda frame: ascii(frame)[:40])
def test_a_nasty_frame_is_answered_and_the_socket_goes_on(frame: str) -> None:
    house = House()
    for name in ("g", "h"):
        house.open(name)
        house.say(name, "join", "open")
    (answer,) = answered(house, "g", frame)
    if answer["type"] == "error":
        assert answer["code"] not in ("internal", "")
        assert house.told("h") == []
    assert house.say("g", "ping")["type"] == "pong"


@settings(max_examples=80)
@given(said=st.lists(st.tuples(st.sampled_from(["ann", "ghost", "g"]), messages), max_size=6))
def test_whatever_is_said_is_answered_and_who_is_outside_hears_nothing(
    said: list[tuple[str, dict[str, Any]]],
) -> None:
    house = House()
    house.admit("ann", "ghost")
    for user in ("ann", "ghost", "zoe"):
        house.open(user, user)
    house.open("g")
    house.say("zoe", "join", "news")
    for connection, message in said:
        answers = answered(house, connection, json.dumps(message))
        assert len(answers) == 1
        if answers[0]["type"] == "error":
            assert answers[0]["code"] not in ("internal", "")
    assert house.told("zoe") == []
    assert not house.members.members("rooms/43")
    assert not house.members.members("staff")
    for connection in ("ann", "ghost", "g"):
        house.rooms.depart(connection)
        assert house.members.addresses(connection) == []
