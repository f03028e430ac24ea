"""Channels over the socket's events, over HTTP, and as administrators declare them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from covey.collections.document import load
from covey.identity.api_key import ApiKey, mint
from covey.identity.scopes import Scopes
from covey.realtime.model import CONNECTION_SECONDS, Connection, Identity
from covey.records.model import Record
from covey.store.transport import transport
from covey.testing.sockets import MemorySockets
from covey.wiring import services
from functions.realtime.connect import handler as connect
from functions.realtime.disconnect import handler as disconnect
from functions.realtime.message import handler as message
from functions.realtime.sweep import handler as sweep

MEMBERS = {"name": "members", "ids": "custom", "fields": {"active": {"type": "bool"}}}
ACTIVE = 'record("members", room + ":" + auth.id).active'
ROOMS = {
    "name": "rooms/{room}",
    "rules": {"subscribe": ACTIVE, "publish": ACTIVE, "presence": ACTIVE},
    "message": {"schema": {"type": "object", "required": ["text"]}},
}


class _Invocation:
    aws_request_id = "r1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class House:
    """Who is in the room 42, and what their sockets hear."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.sockets = MemorySockets()
        services().__dict__["sockets"] = self.sockets
        services().catalog.save(load(MEMBERS))
        self.root = api.token("root", "admin")
        made = api("PUT", "/admin/channels/rooms", body=ROOMS, token=self.root)
        assert made.status == 201, made.text
        self.tokens: dict[str, str] = {}

    def event(self, connection: str, **more: Any) -> dict[str, Any]:
        return {"requestContext": {"connectionId": connection}, **more}

    def open(self, user: str, connection: str = "", *, active: bool = True) -> str:
        connection = connection or user
        self.tokens[user] = self.tokens.get(user) or self.api.token(user)
        headers = {"Authorization": f"Bearer {self.tokens[user]}"}
        assert connect(self.event(connection, headers=headers), None) == {"statusCode": 200}
        if active:
            self.admit(user)
        return connection

    def admit(self, user: str, active: bool = True) -> None:
        members = services().catalog.get("members")
        store, id = services().record_store, f"42:{user}"
        before = store.get(members, id, consistent=True)
        if before is None:
            store.create(members, Record(id, 1, 1, 1, {"active": active}))
        else:
            after = replace(before, version=before.version + 1, values={"active": active})
            store.update(members, before, after)

    def say(self, connection: str, type: str, **more: Any) -> dict[str, Any]:
        body = json.dumps({"type": type, "channel": "rooms/42", **more})
        assert message(self.event(connection, body=body), None) == {"statusCode": 200}
        return self.told(connection)[-1]

    def told(self, connection: str) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.sockets.posted.pop(connection, [])]

    def leave(self, connection: str) -> None:
        assert disconnect(self.event(connection), None) == {"statusCode": 200}


@pytest.fixture
def house(api: Any) -> Iterator[House]:
    yield House(api)


def kept() -> list[str]:
    """The keys of what is kept of sockets."""
    found = transport().call("Scan", {"TableName": services().settings.table_name})["Items"]
    names = [f"{item['pk']['S']} {item['sk']['S']}" for item in found]
    return sorted(name for name in names if name.startswith(("!conn.", "!room.", "!sub.")))


def test_two_users_talk_and_see_each_other_come_and_go(house: House) -> None:
    ann, ben = house.open("ann"), house.open("ben")
    joined = house.say(ann, "join", state={"mood": "fine"})
    assert [one["id"] for one in joined["members"]] == ["ann"]
    joined = house.say(ben, "join", id="j1")
    assert (joined["id"], [one["id"] for one in joined["members"]]) == ("j1", ["ann", "ben"])
    assert [one["event"] for one in house.told(ann)] == ["join"]
    assert house.say(ben, "publish", data={"text": "hello"})["type"] == "published"
    (heard,) = house.told(ann)
    assert (heard["data"], heard["from"]) == ({"text": "hello"}, {"id": "ben"})
    house.leave(ben)
    (left,) = house.told(ann)
    assert (left["event"], left["members"]) == ("leave", [{"id": "ben"}])
    house.leave(ann)
    assert kept() == []


def test_a_member_who_was_put_out_hears_nothing_more(house: House) -> None:
    ann, ben = house.open("ann"), house.open("ben")
    for one in (ann, ben):
        house.say(one, "join")
    house.told(ann)
    house.admit("ben", active=False)
    house.say(ann, "publish", data={"text": "secret"})
    assert [one["type"] for one in house.told(ben)] == ["left"]
    assert house.say(ben, "join")["code"] == "not_found"


def test_a_user_whose_sessions_were_ended_hears_nothing_more(house: House) -> None:
    ann, ben = house.open("ann"), house.open("ben")
    for one in (ann, ben):
        house.say(one, "join")
    house.told(ben)
    services().sessions.end_all("ben")
    house.say(ann, "publish", data={"text": "secret"})
    assert [one["type"] for one in house.told(ben)] == ["closed"]
    assert house.sockets.closed == [ben]
    assert [one["id"] for one in house.say(ann, "presence")["members"]] == ["ann"]
    assert not any(ben in name for name in kept())


def test_a_socket_that_signs_in_anew_keeps_its_rooms(house: House) -> None:
    ann, ben = house.open("ann"), house.open("ben")
    for one in (ann, ben):
        house.say(one, "join")
    house.told(ben)
    assert house.say(ann, "auth", token=house.api.token("ann"))["user"] == "ann"
    assert house.told(ben) == []
    assert house.say(ben, "publish", data={"text": "x"})["type"] == "published"
    assert [one["type"] for one in house.told(ann)] == ["message"]
    house.say(ann, "auth", token=house.tokens["ben"])
    assert house.told(ben)[0]["event"] == "leave"


def test_a_message_over_http_is_under_the_same_rule(house: House) -> None:
    ann = house.open("ann")
    house.say(ann, "join")
    body = {"channel": "rooms/42", "data": {"text": "x"}}
    post = "/realtime/messages"
    sent = house.api("POST", post, body=body, token=house.tokens["ann"])
    assert (sent.status, sent.json["from"]) == (201, {"id": "ann"})
    (heard,) = house.told(ann)
    assert heard == sent.json
    zoe = house.api.token("zoe")
    for token, status, code in ((zoe, 404, "not_found"), (None, 401, "unauthenticated")):
        refused = house.api("POST", post, body=body, token=token)
        assert (refused.status, refused.code) == (status, code)
    assert house.api("POST", post, body=body, token=house.root).status == 201
    wrong = house.api("POST", post, body={**body, "data": 1}, token=house.root)
    assert (wrong.status, wrong.code) == (422, "invalid_data")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"channel": "rooms/42"},
        {"data": 1},
        {"channel": 7, "data": 1},
        {"channel": "rooms/42", "data": 1, "from": "me"},
        {"channel": ["rooms/42"], "data": 1},
    ],
    ids=json.dumps,
)
def test_a_malformed_message_over_http_is_400(house: House, body: dict[str, Any]) -> None:
    refused = house.api("POST", "/realtime/messages", body=body, token=house.root)
    assert (refused.status, refused.code) == (400, "invalid_message")


def test_presence_over_http_is_for_who_may_be_present(house: House) -> None:
    house.say(house.open("ann"), "join")
    path = "/realtime/presence?channel=rooms/42"
    listed = house.api("GET", path, token=house.tokens["ann"])
    assert [one["id"] for one in listed.json["members"]] == ["ann"]
    assert house.api("GET", path, token=house.api.token("zoe")).status == 404
    assert house.api("GET", path).status == 401
    for odd in ("", "?channel=", "?channel=rooms", "?channel=rooms/%00", "?channel=x"):
        assert house.api("GET", f"/realtime/presence{odd}", token=house.root).status == 404


def test_a_key_needs_the_scope_of_sockets(house: House) -> None:
    def key(*surfaces: str) -> str:
        name, token, secret = mint("")
        scopes = Scopes({}, frozenset(surfaces))
        kept = ApiKey(name, "t", secret, scopes, 1, "root", roles=("admin",), used=2**40)
        assert services().api_key_store.add(kept, None)
        return token

    body = {"channel": "rooms/42", "data": {"text": "x"}}
    told = house.api("POST", "/realtime/messages", body=body, token=key("realtime"))
    assert told.status == 201
    refused = house.api("POST", "/realtime/messages", body=body, token=key("jobs"))
    assert (refused.status, refused.code) == (403, "key_not_allowed")


# ---- the sweep


def test_what_a_socket_left_that_is_gone_without_a_word_is_swept(house: House) -> None:
    ann = house.open("ann")
    house.say(ann, "join")
    late = int(time.time()) - CONNECTION_SECONDS
    services().connections.open(Connection("lost", Identity(), late))
    services().connections.open(Connection("lost-2", Identity(), late))
    house.admit("lost")
    swept = sweep({"time": "2026-11-23T10:00:00Z"}, _Invocation())
    assert swept == {"sockets": 2}
    assert not any("lost" in name for name in kept())
    assert house.say(ann, "presence")["members"][0]["id"] == "ann"
    assert sweep({"time": "2026-11-23T10:00:00Z"}, _Invocation()) == {"sockets": 0}


def test_a_member_that_is_swept_has_left(house: House) -> None:
    ann = house.open("ann")
    house.open("ben", "lost")
    for one in (ann, "lost"):
        house.say(one, "join")
    house.told(ann)
    kept = services().connections.get("lost")
    assert kept is not None
    services().connections.open(replace(kept, expires=int(time.time()) - 100))
    sweep({"time": "2026-11-23T10:00:00Z"}, _Invocation())
    assert [one["event"] for one in house.told(ann)] == ["leave"]


def test_two_sweeps_at_once_do_no_harm(house: House) -> None:
    ann = house.open("ann")
    house.say(ann, "join")
    for number in range(8):
        user = f"u{number}"
        house.open(user)
        house.say(user, "join")
        kept_one = services().connections.get(user)
        assert kept_one is not None
        services().connections.open(replace(kept_one, expires=int(time.time()) - 100))
    house.told(ann)
    with ThreadPoolExecutor(2) as pool:
        swept = list(pool.map(lambda _: sweep({}, _Invocation()), range(2)))
    assert sum(one["sockets"] for one in swept) >= 8
    left = {one["id"] for event in house.told(ann) for one in event["members"]}
    assert left == {f"u{number}" for number in range(8)}
    assert [name for name in kept() if "ann" not in name] == []


# ---- declared


def test_an_administrator_declares_changes_and_takes_back(house: House) -> None:
    one, api, root = "/admin/channels/rooms", house.api, house.root
    read = api("GET", one, token=root)
    assert (read.json, read.headers["ETag"]) == (ROOMS, '"1"')
    assert api("GET", "/admin/channels", token=root).json == {"items": [ROOMS]}
    same = api("PUT", one, body=ROOMS, token=root)
    assert (same.status, same.headers["ETag"]) == (200, '"1"')
    other = {**ROOMS, "message": {"max": 10}}
    stale = {"If-Match": '"7"'}
    assert api("PUT", one, body=other, token=root, headers=stale).status == 412
    changed = api("PUT", one, body=other, token=root, headers={"If-Match": '"1"'})
    assert (changed.json, changed.headers["ETag"]) == (other, '"2"')
    assert api("DELETE", one, token=root, headers=stale).status == 412
    assert api("DELETE", one, token=root).status == 204
    assert api("GET", one, token=root).status == 404
    assert api("DELETE", one, token=root).status == 404


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        ({"name": "halls/{room}"}, 422, "invalid_channel"),
        ({"name": 7}, 422, "invalid_channel"),
        ({"rules": {"subscribe": "("}}, 422, "invalid_channel"),
        ({"rules": {"subscribe": 'record("nowhere", auth.id).x'}}, 422, "invalid_channel"),
        ({"name": "rooms/{room}", "message": {"schema": {"type": 7}}}, 422, "invalid_channel"),
    ],
    ids=str,
)
def test_a_document_with_faults_changes_nothing(
    house: House, document: dict[str, Any], status: int, code: str
) -> None:
    refused = house.api("PUT", "/admin/channels/rooms", body=document, token=house.root)
    assert (refused.status, refused.code) == (status, code)
    assert house.api("GET", "/admin/channels/rooms", token=house.root).json == ROOMS


def test_channels_are_administrators_to_declare(house: House) -> None:
    for method, path in (("GET", ""), ("GET", "/rooms"), ("PUT", "/rooms"), ("DELETE", "/rooms")):
        body = ROOMS if method == "PUT" else None
        target = f"/admin/channels{path}"
        assert house.api(method, target, body=body, token=house.api.token("ann")).status == 403
        assert house.api(method, target, body=body).status == 401
