"""Members of rooms as the table and the twin keep them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from covey.channels.model import Member
from covey.channels.ports import MemberStore
from covey.identity.principal import Kind
from covey.realtime.model import Connection, Identity
from covey.realtime.ports import ConnectionStore
from covey.store.models.connection import DynamoConnectionStore
from covey.store.models.member import DynamoMemberStore
from covey.testing.channels import MemoryMemberStore
from covey.testing.realtime import MemoryConnectionStore

SOON = int(time.time()) + 3600
ANN = Identity(Kind.USER, "ann", ("editor",), "s1", SOON)
Stores = tuple[ConnectionStore, MemberStore]


def of_memory() -> Stores:
    connections = MemoryConnectionStore()
    return connections, MemoryMemberStore(connections)


def of_table() -> Stores:
    return DynamoConnectionStore(), DynamoMemberStore()


KINDS: dict[str, Callable[[], Stores]] = {"table": of_table, "memory": of_memory}


@pytest.fixture(params=KINDS)
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "table":
        request.getfixturevalue("table")
    return KINDS[request.param]()


def opened(stores: Stores, *names: str, expires: int = SOON) -> MemberStore:
    for name in names:
        stores[0].open(Connection(name, Identity(), expires))
    return stores[1]


def member(connection: str, address: str = "rooms/1") -> Member:
    return Member(connection, address, ANN, SOON - 3600, SOON, present=True, state={"at": [1, "x"]})


def test_members_are_found_by_room_and_rooms_by_socket(stores: Stores) -> None:
    store = opened(stores, "a", "b")
    for one in (member("a"), member("b"), member("a", "rooms/2")):
        assert store.join(one, 9) == "joined"
    assert list(store.members("rooms/1")) == [member("a"), member("b")]
    assert list(store.addresses("a")) == ["rooms/1", "rooms/2"]
    assert store.get("a", "rooms/1") == member("a")
    assert store.get("a", "rooms/3") is None
    assert list(store.members("rooms/3")) == []


def test_a_socket_is_in_so_many_rooms_and_joining_again_is_no_more(stores: Stores) -> None:
    store = opened(stores, "a")
    assert [store.join(member("a", f"rooms/{n}"), 2) for n in (1, 2, 3)] == [
        "joined",
        "joined",
        "full",
    ]
    assert store.join(replace(member("a", "rooms/2"), state=None), 2) == "joined"
    assert list(store.members("rooms/3")) == []
    assert store.get("a", "rooms/2") == replace(member("a", "rooms/2"), state=None)
    assert store.leave("a", "rooms/1") is not None
    assert store.join(member("a", "rooms/3"), 2) == "joined"


def test_a_socket_that_is_not_open_joins_nothing(stores: Stores) -> None:
    store = opened(stores, "a")
    stores[0].close("a")
    assert store.join(member("a"), 9) == "gone"
    assert store.join(member("never"), 9) == "gone"
    assert list(store.members("rooms/1")) == []
    assert list(store.addresses("a")) == []


def test_who_leaves_is_told_once_who_it_was(stores: Stores) -> None:
    store = opened(stores, "a", "b")
    store.join(member("a"), 9)
    store.join(member("b"), 9)
    assert store.leave("a", "rooms/1") == member("a")
    assert store.leave("a", "rooms/1") is None
    assert store.leave("a", "rooms/7") is None
    assert list(store.addresses("a")) == []
    assert [one.connection for one in store.members("rooms/1")] == ["b"]


def test_a_member_says_something_and_speaks_for_somebody_else(stores: Stores) -> None:
    store = opened(stores, "a")
    store.join(member("a"), 9)
    assert store.say("a", "rooms/1", "typing", 7) == replace(member("a"), state="typing", said=7)
    assert store.say("a", "rooms/2", "typing", 7) is None
    before = store.identify("a", "rooms/1", Identity(), present=False)
    assert before is not None
    assert before.identity == ANN
    now = store.get("a", "rooms/1")
    assert now is not None
    assert (now.identity, now.present, now.state) == (Identity(), False, "typing")
    assert store.identify("b", "rooms/1", ANN, present=True) is None


def test_a_room_of_many_is_read_whole(stores: Stores) -> None:
    names = [f"c{number:03d}" for number in range(150)]
    store = opened(stores, *names)
    for name in names:
        store.join(replace(member(name), state="x" * 900), 9)
    assert [one.connection for one in store.members("rooms/1")] == names


def test_sockets_whose_time_has_come_are_found(stores: Stores) -> None:
    store = opened(stores, "a")
    store.join(member("a"), 9)
    assert list(store.due(SOON - 1, 10)) == []
    assert list(store.due(SOON, 10)) == ["a"]
    store.leave("a", "rooms/1")
    stores[0].close("a")
    store.forget("a")
    assert list(store.due(SOON, 10)) == []


@pytest.mark.usefixtures("table")
def test_a_socket_that_joined_nothing_is_found_too() -> None:
    store = opened(of_table(), "a", "b")
    assert sorted(store.due(SOON, 10)) == ["a", "b"]
    assert len(store.due(SOON, 1)) == 1
