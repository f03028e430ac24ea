"""A room's members told of something, each under the rules of that moment.

Members whose right is gone are put out, and sockets that are gone leave: those who are left are
told of it in turn, until all is said. What is told is sent once: who is not there misses it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from covey.channels.access import foresee, may
from covey.channels.callers import Callers
from covey.channels.catalog import Channels
from covey.channels.model import Member, Room
from covey.channels.ports import MemberStore, Sender
from covey.channels.presence import here, users_of
from covey.collections.scope import Reads
from covey.errors import NotFound, Unauthenticated
from covey.identity.principal import Principal

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Notice:
    """One event for a room: for those who are present, if `presence`, and not for `skip`."""

    event: Event
    presence: bool = False
    skip: str = ""


@dataclass(slots=True)
class _Round:
    """What is to be said in one room: notices, and whoever may have left it."""

    address: str
    notices: list[Notice] = field(default_factory=list)
    departed: list[Member] = field(default_factory=list)


class Rooms:
    """Tells members, and lets go of those who are gone."""

    def __init__(
        self,
        channels: Channels,
        members: MemberStore,
        sender: Sender,
        callers: Callers,
        reads: Callable[[], Reads],
        close: Callable[[str], None],
    ) -> None:
        """`close` forgets a socket's connection."""
        self._channels = channels
        self._members = members
        self._sender = sender
        self._callers = callers
        self._reads = reads
        self._close = close

    def tell(self, address: str, *notices: Notice) -> None:
        """Tell the members of a room."""
        self._work(deque([_Round(address, list(notices))]))

    def put_out(self, address: str, member: Member) -> None:
        """Tell those who are left that a member, dropped already, has left."""
        self._work(deque([_Round(address, departed=[member])]))

    def depart(self, *connections: str) -> None:
        """Let sockets that are gone leave everything; twice does no harm."""
        self._work(deque(self._departures(connections)))

    def _work(self, rounds: deque[_Round]) -> None:
        while rounds:
            rounds.extend(self._round(rounds.popleft()))

    def _round(self, said: _Round) -> Iterable[_Round]:
        if not said.notices and not any(one.present for one in said.departed):
            return []
        try:
            room = self._channels.room(said.address)
        except NotFound:
            return []  # the channel was taken back: nobody may hear of it
        members = self._members.members(said.address)
        notices = [*said.notices, *_farewells(said.address, said.departed, members)]
        if not notices:
            return []
        outbox, lost = self._outbox(room, members, notices)
        gone = self._sender.send(outbox)
        left = [self._members.leave(one.connection, said.address) for one in lost]
        put_out = _Round(said.address, departed=[one for one in left if one is not None])
        return [put_out, *self._departures(gone)]

    def _outbox(
        self, room: Room, members: Sequence[Member], notices: Sequence[Notice]
    ) -> tuple[dict[str, list[Event | Unauthenticated]], list[Member]]:
        """What each socket is to be sent, and who may not be in this room any more."""
        members = [one for one in members if _meant_for(one, notices, sees=one.present)]
        read = self._reads()
        callers = self._callers.each([one.identity for one in members])
        there = [who for who in callers.values() if isinstance(who, Principal)]
        foresee(there, ("subscribe", "presence"), room, read)
        outbox: dict[str, list[Event | Unauthenticated]] = {}
        lost = []
        for member in members:
            who = callers[member.identity]
            if isinstance(who, Unauthenticated):
                outbox[member.connection] = [who]
            elif who is not None and not may(who, "subscribe", room, read):
                outbox[member.connection] = [put_out_event(room.address)]
                lost.append(member)
            elif who is not None:
                sees = member.present and may(who, "presence", room, read)
                events = _meant_for(member, notices, sees=sees)
                outbox |= {member.connection: events} if events else {}
        return outbox, lost

    def _departures(self, connections: Iterable[str]) -> list[_Round]:
        rounds = []
        for connection in connections:
            self._close(connection)  # first: then nothing joins in its name any more
            for address in self._members.addresses(connection):
                member = self._members.leave(connection, address)
                if member is not None:
                    rounds.append(_Round(address, departed=[member]))
            self._members.forget(connection)
        return rounds


def _meant_for(
    member: Member, notices: Sequence[Notice], *, sees: bool
) -> list[Event | Unauthenticated]:
    """The events for a member who sees presence, or not."""
    return [
        one.event for one in notices if one.skip != member.connection and (sees or not one.presence)
    ]


def put_out_event(address: str) -> Event:
    """What a member is told who may not be in the room any more."""
    return {"type": "left", "channel": address, "reason": "not_allowed"}


def _farewells(address: str, departed: Sequence[Member], members: Sequence[Member]) -> list[Notice]:
    """That users have left: those of whom no other socket is present."""
    staying = {one.identity.id for one in members if here(one)}
    left = users_of(one for one in departed if one.present and one.identity.id not in staying)
    if not left:
        return []
    event = {"type": "presence", "channel": address, "event": "leave", "members": left}
    return [Notice(event, presence=True)]
