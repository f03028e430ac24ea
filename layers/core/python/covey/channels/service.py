"""Joining, leaving, publishing and presence."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from covey import json
from covey.channels.access import demand, may
from covey.channels.catalog import Channels
from covey.channels.model import MAX_JOINED, MAX_STATE, Channel, Member, Room
from covey.channels.ports import MemberStore
from covey.channels.presence import first_of, here, shown
from covey.channels.rooms import Notice, Rooms
from covey.collections.scope import Reads
from covey.errors import (
    BadRequest,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    TooLarge,
    TooManyRequests,
)
from covey.fields.fault import FieldFault
from covey.fields.shape import check_shape
from covey.identity.principal import Kind, Principal
from covey.realtime.model import Connection, Identity
from covey.records.ids import IdMaker
from covey.records.time import rfc3339


class Gathering:
    """What members of rooms may do."""

    def __init__(
        self,
        channels: Channels,
        members: MemberStore,
        rooms: Rooms,
        caller: Callable[[Identity], Principal | None],
        reads: Callable[[], Reads],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`caller` is whom an identity speaks for now; `reads` what a rule reads others by."""
        self._channels = channels
        self._members = members
        self._rooms = rooms
        self._caller = caller
        self._reads = reads
        self._now = now
        self._make_id = IdMaker().make

    def join(self, connection: Connection, address: str, state: Any = None) -> list[Any] | None:
        """Let a socket into a room; who is there, or None where it takes no part in presence."""
        room, read = self._channels.room(address), self._reads()
        who = self._who(connection.identity)
        demand(who, "subscribe", room, read)
        member = Member(
            connection.id,
            address,
            connection.identity,
            int(self._now()),
            connection.expires,
            present=_takes_part(who, room, read),
            state=_checked_state(state),
            said=0 if state is None else int(self._now() * 1000),
        )
        outcome = self._members.join(member, MAX_JOINED)
        if outcome == "full":
            raise TooManyRequests(f"A socket is in at most {MAX_JOINED} channels.")
        if outcome == "gone":
            raise NotFound("connection")
        return self._greeted(member) if member.present else None

    def leave(self, connection_id: str, address: str) -> None:
        """Let a socket out of a room; raises NotFound where it is not in."""
        member = self._members.leave(connection_id, address)
        if member is None:
            raise NotFound("membership")
        self._rooms.put_out(address, member)

    def publish(self, who: Principal, address: str, data: Any, *, skip: str = "") -> dict[str, Any]:
        """Tell the members of a room; the message. `skip` is the socket that says it."""
        room = self._channels.room(address)
        demand(who, "publish", room, self._reads())
        _check_data(room.channel, data)
        message = {
            "type": "message",
            "channel": address,
            "id": self._make_id(),
            "data": data,
            "from": {"id": who.id or None},
            "sent": rfc3339(int(self._now() * 1000)),
        }
        self._rooms.tell(address, Notice(message, skip=skip))
        return message

    def publish_as(self, connection: Connection, address: str, data: Any) -> dict[str, Any]:
        """Tell the other members what a socket says."""
        return self.publish(self._who(connection.identity), address, data, skip=connection.id)

    def say(self, connection: Connection, address: str, state: Any) -> None:
        """Keep what a present member says of itself, and tell those who are present."""
        room, read = self._channels.room(address), self._reads()
        who = self._who(connection.identity)
        demand(who, "subscribe", room, read)
        demand(who, "presence", room, read)
        said = int(self._now() * 1000)
        member = self._members.say(connection.id, address, _checked_state(state), said)
        if member is None:
            raise NotFound("membership")
        if not member.present:
            raise Forbidden("This socket takes no part in presence.", code="not_present")
        self._announce(address, "state", member)

    def present(self, who: Principal, address: str) -> list[dict[str, Any]]:
        """Who is in a room, for whoever may be present there."""
        room, read = self._channels.room(address), self._reads()
        demand(who, "subscribe", room, read)
        demand(who, "presence", room, read)
        return self._shown(address)

    def present_to(self, connection: Connection, address: str) -> list[dict[str, Any]]:
        """Who is in a room, for a socket."""
        return self.present(self._who(connection.identity), address)

    def identify(self, connection_id: str, identity: Identity) -> None:
        """Let a socket's members speak for somebody else: where they may not, they fall silent."""
        who = self._caller(identity)
        for address in self._members.addresses(connection_id):
            try:
                room = self._channels.room(address)
            except NotFound:
                continue
            part = who is not None and _takes_part(who, room, self._reads())
            before = self._members.identify(connection_id, address, identity, present=part)
            if before is not None:
                self._changed(before, part, identity)

    def _changed(self, before: Member, part: bool, identity: Identity) -> None:
        """Tell a room that one who was there is somebody else."""
        if before.present and (not part or before.identity.id != identity.id):
            self._rooms.put_out(before.address, before)
        if part and (not before.present or before.identity.id != identity.id):
            now = self._members.get(before.connection, before.address)
            if now is not None:
                self._greeted(now)

    def _greeted(self, member: Member) -> list[dict[str, Any]]:
        """Tell the others that a user came; who is there."""
        members = self._members.members(member.address)
        if first_of(member, members):
            self._announce(member.address, "join", member)
        elif member.state is not None:
            self._announce(member.address, "state", member)
        return self._shown(member.address, members)

    def _announce(self, address: str, event: str, member: Member) -> None:
        said = {"id": member.identity.id, "state": member.state}
        told = {"type": "presence", "channel": address, "event": event, "members": [said]}
        self._rooms.tell(address, Notice(told, presence=True, skip=member.connection))

    def _shown(self, address: str, members: Any = None) -> list[dict[str, Any]]:
        found = self._members.members(address) if members is None else members
        now = int(self._now())
        return shown(one for one in found if here(one, now))

    def _who(self, identity: Identity) -> Principal:
        who = self._caller(identity)
        if who is None:
            raise BadRequest("The sign-in has run out; send auth again.", code="sign_in_expired")
        return who


def _takes_part(who: Principal, room: Room, read: Reads | None) -> bool:
    return who.kind is not Kind.GUEST and bool(who.id) and may(who, "presence", room, read)


def _checked_state(state: Any) -> Any:
    if state is not None and len(json.encode(state)) > MAX_STATE:
        raise TooLarge(f"A state has at most {MAX_STATE} characters.", code="state_too_large")
    return state


def _check_data(channel: Channel, data: Any) -> None:
    if len(json.encode(data)) > channel.most:
        raise TooLarge(
            f"A message of this channel has at most {channel.most} characters.",
            code="message_too_large",
        )
    if channel.schema is None:
        return
    try:
        check_shape(data, channel.schema)
    except FieldFault as fault:
        where = ".".join(["data", *(str(part) for part in fault.path)])
        faults = [FieldError(where, fault.code, fault.message)]
        raise Invalid(f"{where} {fault.message}.", code="invalid_data", errors=faults) from fault
