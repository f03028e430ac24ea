"""Where declarations and members are kept, and how members are told: the ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from covey.channels.model import Channel, Member
from covey.errors import Unauthenticated
from covey.realtime.model import Identity

Joined = Literal["joined", "full", "gone"]


class ChannelStore(Protocol):
    """Where declarations are kept; `covey.store.models.channel`, `covey.testing.channels`."""

    def load(self) -> Sequence[Channel]:
        """Every channel, read consistently."""
        ...

    def save(self, channel: Channel) -> None:
        """Keep version 1 where there is none, else in place of the version before.

        Raises Conflict(code="channel_changed"), changing nothing, where that is not so.
        """
        ...

    def remove(self, channel: Channel) -> None:
        """Take this version out; raises as `save` does."""
        ...


class MemberStore(Protocol):
    """Where members are kept; `covey.store.models.member`, `covey.testing.channels`."""

    def join(self, member: Member, limit: int) -> Joined:
        """Keep a member, in place of the same socket's in the same room.

        "full" where the socket is in `limit` rooms, "gone" where it is not open: then nothing
        is kept.
        """
        ...

    def leave(self, connection: str, address: str) -> Member | None:
        """Drop a member; None where there is none, or another call was faster."""
        ...

    def get(self, connection: str, address: str) -> Member | None:
        """A member, read consistently."""
        ...

    def addresses(self, connection: str) -> Sequence[str]:
        """The rooms that a socket is in, read consistently."""
        ...

    def members(self, address: str) -> Sequence[Member]:
        """The members of a room, read consistently."""
        ...

    def say(self, connection: str, address: str, state: Any, at: int) -> Member | None:
        """Note what a member says of itself; the member then, None where there is none."""
        ...

    def identify(
        self, connection: str, address: str, identity: Identity, *, present: bool
    ) -> Member | None:
        """Let a member speak for somebody else; the member before, None where there is none."""
        ...

    def forget(self, connection: str) -> None:
        """Drop the list of a socket's rooms once it is in none, and what is counted of it."""
        ...

    def due(self, now: int, most: int) -> Sequence[str]:
        """Sockets whose time came before `now` (seconds), some of them: at most `most`."""
        ...


class Sender(Protocol):
    """How sockets are told; nobody is held up by one that is slow."""

    def send(
        self, outbox: Mapping[str, Sequence[Mapping[str, Any] | Unauthenticated]]
    ) -> Sequence[str]:
        """Send events by connection, in their order; the connections that are gone.

        One whose event is Unauthenticated is told so, and ended.
        """
        ...
