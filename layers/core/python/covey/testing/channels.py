"""Declared channels and members in memory, for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from covey import json
from covey.channels.document import dump, restore
from covey.channels.model import Channel, Member
from covey.channels.ports import Joined
from covey.errors import Conflict
from covey.realtime.model import Identity
from covey.realtime.ports import ConnectionStore


class MemoryChannelStore:
    """Passes the tests of the real store."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, str]] = {}

    def load(self) -> list[Channel]:
        """Every channel, restored from what was kept."""
        return [restore(json.decode(s.encode()), v) for v, s in self._kept.values()]

    def save(self, channel: Channel) -> None:
        """Keep one; raises Conflict."""
        self._demand(channel.name, channel.version - 1)
        self._kept[channel.name] = channel.version, json.encode(dump(channel))

    def remove(self, channel: Channel) -> None:
        """Take one out; raises Conflict."""
        self._demand(channel.name, channel.version)
        del self._kept[channel.name]

    def _demand(self, name: str, version: int) -> None:
        if self._kept.get(name, (0, ""))[0] != version:
            raise Conflict("The channel changed meanwhile.", code="channel_changed")


class MemoryMemberStore:
    """Passes the tests of the real store; asks `connections` which sockets are open."""

    def __init__(self, connections: ConnectionStore) -> None:
        self._connections = connections
        self._kept: dict[tuple[str, str], Member] = {}

    def join(self, member: Member, limit: int) -> Joined:
        """Keep a member."""
        if self._connections.get(member.connection) is None:
            return "gone"
        others = set(self.addresses(member.connection)) - {member.address}
        if len(others) >= limit:
            return "full"
        self._kept[member.address, member.connection] = member
        return "joined"

    def leave(self, connection: str, address: str) -> Member | None:
        """Drop a member."""
        return self._kept.pop((address, connection), None)

    def get(self, connection: str, address: str) -> Member | None:
        """A member."""
        return self._kept.get((address, connection))

    def addresses(self, connection: str) -> list[str]:
        """The rooms of a socket."""
        return sorted(address for address, one in self._kept if one == connection)

    def members(self, address: str) -> list[Member]:
        """The members of a room."""
        return [self._kept[key] for key in sorted(self._kept) if key[0] == address]

    def say(self, connection: str, address: str, state: Any, at: int) -> Member | None:
        """Note what a member says of itself."""
        return self._change(connection, address, state=state, said=at)

    def identify(
        self, connection: str, address: str, identity: Identity, *, present: bool
    ) -> Member | None:
        """Let it speak for somebody else; the member before."""
        before = self.get(connection, address)
        self._change(connection, address, identity=identity, present=present)
        return before

    def forget(self, connection: str) -> None:
        """Nothing is kept beside members."""

    def due(self, now: int, most: int) -> list[str]:
        """Sockets whose time came, of those that are in a room."""
        found = {one.connection for one in self._kept.values() if one.expires <= now}
        return sorted(found)[:most]

    def _change(self, connection: str, address: str, **changes: Any) -> Member | None:
        before = self.get(connection, address)
        if before is None:
            return None
        self._kept[address, connection] = replace(before, **changes)
        return self._kept[address, connection]
