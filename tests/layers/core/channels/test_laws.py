"""Over anything that sockets may do: who hears what, and what is known of who is there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.layers.core.channels.test_rooms import House

USERS = ("ann", "ben", "zoe")
SOCKETS = tuple(f"{user}-{number}" for user in USERS for number in (1, 2))
users, sockets = st.sampled_from(USERS), st.sampled_from(SOCKETS)


class World(RuleBasedStateMachine):
    """Sockets that join, leave, speak and die, while rights come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.open: set[str] = set()
        self.dead: set[str] = set()  # and nobody noticed yet
        self.joined: dict[str, set[str]] = {}  # by socket, whom it believes to be there
        self.rights: set[str] = set(USERS)
        self.house.admit(*USERS)

    @rule(socket=sockets)
    def connect(self, socket: str) -> None:
        if socket not in self.open | self.dead:
            self.house.open(socket, socket[:3])
            self.house.sockets.gone.discard(socket)
            self.open.add(socket)

    @rule(socket=sockets)
    def join(self, socket: str) -> None:
        if socket in self.open:
            answer = self.house.say(socket, "join")
            if answer["type"] == "joined":
                self.joined[socket] = {one["id"] for one in answer["members"]}
                assert socket[:3] in self.joined[socket]
            self.hear()

    @rule(socket=sockets)
    def leave(self, socket: str) -> None:
        if socket in self.joined and socket in self.open:
            assert self.house.say(socket, "leave")["type"] == "left"
            del self.joined[socket]
            self.hear()

    @rule(socket=sockets)
    def disconnect(self, socket: str) -> None:
        if socket in self.open:
            self.forget(socket)
            self.house.rooms.depart(socket)
            self.hear()

    @rule(socket=sockets)
    def die(self, socket: str) -> None:
        if socket in self.open:
            self.open.discard(socket)
            self.dead.add(socket)
            self.house.sockets.gone.add(socket)
            self.joined.pop(socket, None)

    @rule()
    def sweep(self) -> None:
        self.house.rooms.depart(*self.dead)
        self.dead.clear()
        self.hear()

    @rule(user=users, right=st.booleans())
    def change_rights(self, user: str, right: bool) -> None:
        self.house.record(f"42:{user}", active=right, role="writer")
        (self.rights.add if right else self.rights.discard)(user)

    @rule(socket=sockets)
    def publish(self, socket: str) -> None:
        if socket not in self.open:
            return
        answer = self.house.say(socket, "publish", data={"text": socket})
        # `publish` asks for the role alone, which nobody loses: who is out may still speak.
        assert answer["type"] == "published"
        told = self.hear()
        allowed = {one for one in self.joined if one != socket and one[:3] in self.rights}
        assert {one for one, events in told.items() if "message" in types(events)} == allowed

    def hear(self) -> dict[str, list[dict[str, Any]]]:
        """What each socket was told since, and what it makes of it."""
        told = {one: self.house.told(one) for one in SOCKETS}
        for socket, events in told.items():
            for event in events:
                self.note(socket, event)
        return told

    def note(self, socket: str, event: dict[str, Any]) -> None:
        assert event["type"] == "left" or socket in self.joined, (socket, event)
        if event["type"] == "left":
            assert socket[:3] not in self.rights
            self.joined.pop(socket, None)
        elif event["type"] == "presence":
            named = {one["id"] for one in event["members"]}
            if event["event"] == "leave":
                self.joined[socket] -= named
            else:
                self.joined[socket] |= named

    def forget(self, socket: str) -> None:
        self.open.discard(socket)
        self.dead.discard(socket)
        self.joined.pop(socket, None)

    @invariant()
    def everybody_believes_what_is_so(self) -> None:
        there = {one.identity.id for one in self.house.members.members("rooms/42")}
        for socket, believed in self.joined.items():
            if socket[:3] in self.rights:
                assert believed == there, socket

    def teardown(self) -> None:
        self.house.rooms.depart(*SOCKETS)
        assert self.house.members.members("rooms/42") == []


def types(events: Iterable[dict[str, Any]]) -> set[str]:
    return {one["type"] for one in events}


World.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestWorld = World.TestCase
