"""Rooms over sockets: who is told what, who is there, and who is put out."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from covey.channels.callers import Callers
from covey.channels.catalog import Channels
from covey.channels.document import load
from covey.channels.messages import ChannelMessages
from covey.channels.model import MAX_JOINED, MAX_STATE
from covey.channels.rooms import Rooms
from covey.channels.sending import Sender
from covey.channels.service import Gathering
from covey.collections.catalog import Catalog
from covey.collections.document import load as load_collection
from covey.errors import CoveyError, Unauthenticated
from covey.identity.principal import GUEST, Kind, Principal
from covey.identity.profile import with_profile
from covey.identity.scopes import Scopes
from covey.realtime.messages import Conversation
from covey.realtime.model import Connection, Identity
from covey.records.fetching import Fetcher
from covey.records.model import Record
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.channels import MemoryChannelStore, MemoryMemberStore
from covey.testing.realtime import MemoryConnectionStore
from covey.testing.records import MemoryRecordStore
from covey.testing.sockets import MemorySockets

MEMBERS = {
    "name": "members",
    "ids": "custom",
    "fields": {"active": {"type": "bool"}, "role": {"type": "text"}},
}
ROOMS = {
    "name": "rooms/{room}",
    "rules": {
        "subscribe": 'record("members", room + ":" + auth.id).active',
        "publish": 'record("members", room + ":" + auth.id).role != "reader"',
        "presence": 'record("members", room + ":" + auth.id).active && auth.id != "ghost"',
    },
    "message": {
        "schema": {
            "type": "object",
            "properties": {"text": {"type": "string", "maxLength": 20}},
            "required": ["text"],
            "additionalProperties": False,
        },
        "max": 100,
    },
}
OPEN = {"name": "open", "rules": {"subscribe": "true", "publish": "true", "presence": "true"}}
NEWS = {"name": "news", "rules": {"subscribe": "true"}}
STAFF = {"name": "staff", "rules": {}}


class House:
    def __init__(self) -> None:
        self.now = time.time()
        self.ended: set[str] = set()
        self.catalog = Catalog(MemoryCatalogStore())
        self.catalog.save(load_collection(MEMBERS))
        self.records = MemoryRecordStore()
        kept = MemoryChannelStore()
        self.channels = Channels(kept, ttl=0)
        for document in (ROOMS, OPEN, NEWS, STAFF):
            self.channels.save(load(document))
        self.connections, self.sockets = MemoryConnectionStore(), MemorySockets()
        self.members = MemoryMemberStore(self.connections)
        self.caller = Callers(self.present, now=lambda: self.now)
        self.rooms = Rooms(
            self.channels,
            self.members,
            Sender(self.sockets, self.connections),
            self.caller,
            self.reads,
            self.connections.close,
        )
        self.gathering = Gathering(
            self.channels,
            self.members,
            self.rooms,
            self.caller,
            self.reads,
            now=lambda: self.now,
        )
        self.conversation = Conversation(self.connections, ChannelMessages(self.gathering).kinds)

    def present(self, who: Principal) -> Principal:
        if who.id in self.ended:
            raise Unauthenticated("The session has ended.", code="invalid_token")
        return with_profile(who, lambda user: {})

    def reads(self) -> Fetcher:
        return Fetcher(self.records, self.catalog.get, int(self.now * 1000), most=None)

    def open(self, connection: str, user: str = "", kind: Kind = Kind.USER) -> str:
        until = int(self.now) + 900
        identity = Identity(kind, user, (), "s", until) if user else Identity()
        self.connections.open(Connection(connection, identity, int(self.now) + 7200))
        return connection

    def admit(self, *users: str, room: str = "42", role: str = "writer") -> None:
        for user in users:
            self.record(f"{room}:{user}", active=True, role=role)

    def record(self, id: str, **values: Any) -> None:
        collection = self.catalog.get("members")
        before = self.records.get(collection, id, consistent=True)
        if before is None:
            self.records.create(collection, Record(id, 1, 1, 1, values))
        else:
            self.records.update(collection, before, Record(id, 1, 1, before.version + 1, values))

    def say(self, connection: str, type: str, channel: str = "rooms/42", **more: Any) -> Any:
        frame = json.dumps({"type": type, "channel": channel, **more})
        (answer,) = self.conversation.answers(connection, frame)
        return answer

    def told(self, connection: str) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.sockets.posted.pop(connection, [])]

    def events(self, connection: str) -> list[tuple[str, list[str]]]:
        """What it was told of presence."""
        return [
            (one["event"], [member["id"] for member in one["members"]])
            for one in self.told(connection)
            if one["type"] == "presence"
        ]


@pytest.fixture
def house() -> House:
    made = House()
    made.admit("ann", "ben", "ghost")
    for name in ("ann", "ben"):
        made.open(name, name)
    return made


def joined(house: House, *connections: str, channel: str = "rooms/42") -> None:
    for connection in connections:
        assert house.say(connection, "join", channel)["type"] == "joined", connection
    house.sockets.posted.clear()


# ---- messages


def test_the_others_are_told_who_said_what_and_when(house: House) -> None:
    joined(house, "ann", house.open("ann-2", "ann"), "ben")
    answer = house.say("ann", "publish", data={"text": "hello"}, id="7")
    (message,) = house.told("ben")
    assert (answer["type"], answer["id"], answer["message"]) == ("published", "7", message["id"])
    sent = message.pop("sent")
    assert message == {
        "type": "message",
        "channel": "rooms/42",
        "id": answer["message"],
        "data": {"text": "hello"},
        "from": {"id": "ann"},
    }
    assert sent.startswith("20") and sent.endswith("Z")
    assert len(house.told("ann-2")) == 1  # her other socket
    assert house.told("ann") == []


def test_a_room_hears_nothing_of_another(house: House) -> None:
    house.admit("ben", room="43")
    joined(house, "ann")
    joined(house, "ben", channel="rooms/43")
    house.say("ann", "publish", data={"text": "hello"})
    assert house.told("ben") == []


def test_a_guest_speaks_without_a_name(house: House) -> None:
    joined(house, house.open("g"), "ann", channel="open")
    house.say("g", "publish", "open", data=[1])
    (message,) = house.told("ann")
    assert message["from"] == {"id": None}


def test_who_may_publish_need_not_listen(house: House) -> None:
    joined(house, "ben")
    assert house.say("ann", "publish", data={"text": "hello"})["type"] == "published"
    assert len(house.told("ben")) == 1


def test_a_reader_listens_and_may_not_speak(house: House) -> None:
    house.record("42:ben", active=True, role="reader")
    joined(house, "ann", "ben")
    assert house.say("ben", "publish", data={"text": "x"})["code"] == "rule_denied"
    assert house.told("ann") == []


@pytest.mark.parametrize(
    ("data", "code", "word"),
    [
        ({"text": 1}, "invalid_data", "data.text must be of type string"),
        ({}, "invalid_data", "must have text"),
        ({"text": "x", "html": "<b>"}, "invalid_data", "data.html must not be there"),
        ({"text": "x" * 21}, "invalid_data", "maxLength"),
        ({"text": "x" * 200}, "message_too_large", "at most 100"),
        (None, "invalid_data", "of type object"),
        ("text", "invalid_data", "of type object"),
    ],
    ids=str,
)
def test_a_message_that_the_channel_does_not_take_is_told_to_nobody(
    house: House, data: Any, code: str, word: str
) -> None:
    joined(house, "ann", "ben")
    answer = house.say("ann", "publish", data=data)
    assert (answer["type"], answer["code"]) == ("error", code)
    assert word in answer["detail"]
    assert house.told("ben") == []


def test_rules_are_asked_again_when_a_message_is_sent(house: House) -> None:
    joined(house, "ann", "ben")
    house.record("42:ben", active=False, role="writer")
    house.say("ann", "publish", data={"text": "secret"})
    put_out = {"type": "left", "channel": "rooms/42", "reason": "not_allowed"}
    assert house.told("ben") == [put_out]
    house.say("ann", "publish", data={"text": "again"})
    assert house.told("ben") == []
    assert house.events("ann") == [("leave", ["ben"])]
    assert house.say("ben", "join")["code"] == "not_found"


def test_a_sign_in_that_ran_out_is_told_nothing_until_it_is_renewed(house: House) -> None:
    joined(house, "ann", "ben")
    house.now += 901
    renew(house, "ann")
    house.say("ann", "publish", data={"text": "x"})
    assert house.told("ben") == []
    assert house.say("ben", "publish", data={"text": "x"})["code"] == "sign_in_expired"
    renew(house, "ben")
    house.say("ann", "publish", data={"text": "x"})
    assert [one["type"] for one in house.told("ben")] == ["message"]


def test_who_was_signed_out_everywhere_is_told_and_ended(house: House) -> None:
    joined(house, "ann", "ben")
    house.ended.add("ben")
    house.say("ann", "publish", data={"text": "secret"})
    (told,) = house.told("ben")
    assert (told["type"], told["code"]) == ("closed", "invalid_token")
    assert house.sockets.closed == ["ben"]
    assert house.events("ann") == [("leave", ["ben"])]
    assert house.members.addresses("ben") == []


def test_a_socket_that_cannot_be_reached_holds_nobody_up_and_is_ended(house: House) -> None:
    house.admit("zoe")
    joined(house, "ben", "ann", house.open("zoe", "zoe"))
    house.sockets.stuck.add("ben")
    assert house.say("ann", "publish", data={"text": "x"})["type"] == "published"
    assert [one["type"] for one in house.told("zoe")] == ["message", "presence"]
    assert house.sockets.closed == ["ben"]
    assert house.members.addresses("ben") == []


def test_where_no_socket_can_be_reached_whoever_speaks_is_told(house: House) -> None:
    joined(house, "ann", "ben")
    house.sockets.away = True
    answer = house.say("ann", "publish", data={"text": "x"})
    assert (answer["code"], answer["retry_after"]) == ("unavailable", 1)
    house.sockets.away = False
    house.say("ann", "publish", data={"text": "x"})
    assert [one["type"] for one in house.told("ben")] == ["message"]


def renew(house: House, user: str) -> None:
    identity = Identity(Kind.USER, user, (), "s", int(house.now) + 900)
    house.connections.identify(user, identity)
    house.gathering.identify(user, identity)


def test_a_socket_that_is_gone_leaves_everything_and_holds_nobody_up(house: House) -> None:
    house.admit("ben", room="43")
    joined(house, "ben", "ann")
    joined(house, "ben", channel="rooms/43")
    house.sockets.gone.add("ben")
    house.say("ann", "publish", data={"text": "x"})
    assert house.events("ann") == [("leave", ["ben"])]
    assert house.connections.get("ben") is None
    assert house.members.addresses("ben") == []


def test_many_who_lost_their_right_at_once_are_told_of_once(house: House) -> None:
    others = [f"u{number}" for number in range(30)]
    house.admit(*others)
    for name in others:
        house.open(name, name)
    joined(house, "ann", *others)
    for name in others:
        house.record(f"42:{name}", active=False)
    house.say("ann", "publish", data={"text": "x"})
    ((event, left),) = house.events("ann")
    assert (event, left) == ("leave", sorted(others))
    assert [one.connection for one in house.members.members("rooms/42")] == ["ann"]


# ---- who may


@pytest.mark.parametrize("type", ["join", "publish", "state", "presence"])
@pytest.mark.parametrize(
    ("channel", "code"),
    [
        ("rooms/43", "not_found"),
        ("rooms/43:ann", "not_found"),
        ("halls/42", "not_found"),
        ("staff", "not_found"),
        ("rooms", "not_found"),
        ("rooms/42/x", "not_found"),
    ],
)
def test_what_a_user_may_not_enter_is_as_what_is_not_there(
    house: House, type: str, channel: str, code: str
) -> None:
    answer = house.say("ann", type, channel, data={"text": "x"}, state="s")
    assert (answer["code"], answer["detail"]) == (code, "No such channel.")


def test_a_guest_is_told_to_sign_in_where_that_could_help(house: House) -> None:
    house.open("g")
    assert house.say("g", "join")["code"] == "unauthenticated"
    assert house.say("g", "join", "staff")["code"] == "not_found"
    assert house.say("g", "join", "news")["type"] == "joined"
    assert house.say("g", "publish", "news", data=1)["code"] == "rule_denied"


def test_administrators_pass_rules_that_are_absent(house: House) -> None:
    house.open("root", "root", Kind.ADMINISTRATOR)
    joined(house, "root", channel="staff")
    assert house.say("root", "publish", "staff", data=1)["type"] == "published"
    assert house.say("root", "join", "rooms/7")["type"] == "joined"


def test_a_key_needs_its_scope_and_passes_no_rule_without_it(house: House) -> None:
    blind = Principal(Kind.ADMINISTRATOR, "k", key="k", scopes=Scopes())
    for action in (
        lambda: house.gathering.publish(blind, "open", 1),
        lambda: house.gathering.present(blind, "open"),
    ):
        with pytest.raises(CoveyError) as refused:
            action()
        assert refused.value.code == "key_not_allowed"


# ---- presence


def test_who_comes_and_goes_is_told_to_who_is_there(house: House) -> None:
    first = house.say("ann", "join", state={"mood": "fine"})
    ((who),) = first["members"]
    assert (who["id"], who["state"], who["sockets"]) == ("ann", {"mood": "fine"}, 1)
    second = house.say("ben", "join")
    assert [one["id"] for one in second["members"]] == ["ann", "ben"]
    assert house.events("ann") == [("join", ["ben"])]
    assert house.say("ben", "leave") == {"type": "left", "channel": "rooms/42"}
    assert house.events("ann") == [("leave", ["ben"])]
    assert house.say("ben", "leave")["code"] == "not_found"


def test_a_user_is_there_once_over_all_sockets(house: House) -> None:
    joined(house, "ann", "ben")
    house.say(house.open("ben-2", "ben"), "join")
    assert house.events("ann") == []
    members = {one["id"]: one["sockets"] for one in house.say("ann", "presence")["members"]}
    assert members == {"ann": 1, "ben": 2}
    house.rooms.depart("ben")
    assert house.events("ann") == []
    house.rooms.depart("ben-2")
    assert house.events("ann") == [("leave", ["ben"])]


def test_what_a_member_says_of_itself_is_told_and_kept(house: House) -> None:
    joined(house, "ann", "ben")
    assert house.say("ben", "state", state="typing") == {"type": "state", "channel": "rooms/42"}
    (told,) = house.told("ann")
    assert (told["event"], told["members"]) == ("state", [{"id": "ben", "state": "typing"}])
    assert house.told("ben") == []
    listed = {one["id"]: one["state"] for one in house.say("ann", "presence")["members"]}
    assert listed == {"ann": None, "ben": "typing"}
    large = house.say("ben", "state", state="x" * MAX_STATE)
    assert large["code"] == "state_too_large"


def test_who_may_not_be_present_neither_sees_nor_is_seen(house: House) -> None:
    joined(house, "ann")
    answer = house.say(house.open("ghost", "ghost"), "join")
    assert "members" not in answer
    assert house.events("ann") == []
    assert house.say("ghost", "presence")["code"] == "rule_denied"
    assert house.say("ghost", "state", state=1)["code"] == "rule_denied"
    house.say("ben", "join")
    assert house.events("ghost") == []
    assert [one["id"] for one in house.say("ann", "presence")["members"]] == ["ann", "ben"]
    house.say("ann", "publish", data={"text": "x"})
    assert [one["type"] for one in house.told("ghost")] == ["message"]


def test_guests_are_not_counted(house: House) -> None:
    joined(house, "ann", channel="open")
    assert "members" not in house.say(house.open("g"), "join", "open")
    assert house.events("ann") == []
    assert [one["id"] for one in house.say("ann", "presence", "open")["members"]] == ["ann"]


def test_a_socket_that_speaks_for_another_user_is_another_member(house: House) -> None:
    joined(house, "ann", "ben")
    zoe = Identity(Kind.USER, "zoe", (), "s", int(house.now) + 900)
    house.admit("zoe")
    house.gathering.identify("ben", zoe)
    assert house.events("ann") == [("leave", ["ben"]), ("join", ["zoe"])]
    house.gathering.identify("ben", zoe)
    assert house.events("ann") == []
    house.gathering.identify("ben", Identity())
    assert house.events("ann") == [("leave", ["zoe"])]
    house.told("ben")
    house.say("ann", "publish", data={"text": "x"})
    assert [one["type"] for one in house.told("ben")] == ["left"]


def test_one_whose_sign_in_ran_out_is_not_listed(house: House) -> None:
    joined(house, "ann", "ben")
    house.now += 901
    renew(house, "ann")
    assert [one["id"] for one in house.say("ann", "presence")["members"]] == ["ann"]


def test_a_channel_that_is_taken_back_is_silent(house: House) -> None:
    joined(house, "ann", "ben")
    house.channels.remove(house.channels.get("rooms"))
    assert house.say("ann", "publish", data={"text": "x"})["code"] == "not_found"
    assert house.say("ben", "leave")["type"] == "left"
    house.rooms.depart("ann")
    assert house.members.members("rooms/42") == []


# ---- limits


def test_a_socket_is_in_so_many_channels(house: House) -> None:
    numbers = range(MAX_JOINED + 1)
    for number in numbers:
        house.admit("ann", room=str(number))
    answers = [house.say("ann", "join", f"rooms/{number}") for number in numbers]
    assert [one["type"] for one in answers].count("joined") == MAX_JOINED
    assert answers[-1]["code"] == "rate_limited"


@pytest.mark.parametrize(
    "message",
    [
        {"type": "join"},
        {"type": "join", "channel": 42},
        {"type": "join", "channel": ""},
        {"type": "join", "channel": "x" * 600},
        {"type": "join", "channel": "rooms/42", "id": 7},
        {"type": "join", "channel": "rooms/42", "id": ""},
        {"type": "publish", "channel": "rooms/42"},
        {"type": "publish", "channel": "rooms/42", "data": {"text": "x"}, "id": []},
        {"type": "leave", "channel": None},
    ],
    ids=json.dumps,
)
def test_what_is_malformed_is_answered_and_changes_nothing(
    house: House, message: Mapping[str, Any]
) -> None:
    joined(house, "ben")
    (answer,) = house.conversation.answers("ann", json.dumps(message))
    assert (answer["type"], answer["code"]) == ("error", "invalid_message")
    assert house.told("ben") == []
    assert house.members.addresses("ann") == []


def test_a_guest_and_an_ended_session_are_nobody(house: House) -> None:
    assert house.caller(Identity()) == GUEST
    house.now += 901
    assert house.say("ann", "join")["code"] == "sign_in_expired"
    with pytest.raises(Unauthenticated):
        house.gathering.publish(GUEST, "rooms/42", {"text": "x"})
