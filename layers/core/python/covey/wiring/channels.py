"""Open sockets, and the channels that they are in."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from covey.wiring.work import WorkServices

if TYPE_CHECKING:
    from covey.channels.callers import Callers
    from covey.channels.catalog import Channels
    from covey.channels.ports import MemberStore
    from covey.channels.rooms import Rooms
    from covey.channels.sending import Sender
    from covey.channels.service import Gathering
    from covey.channels.sweeping import SocketSweep
    from covey.realtime.ports import ConnectionStore
    from covey.realtime.sockets import Sockets


class ChannelServices(WorkServices):
    """Open sockets, and the channels that they are in."""

    @cached_property
    def connections(self) -> ConnectionStore:
        """Open sockets and their subscriptions."""
        from covey.store.models.connection import DynamoConnectionStore

        return DynamoConnectionStore()

    @cached_property
    def sockets(self) -> Sockets:
        """How open sockets are reached."""
        from covey.aws.sockets import ApiGatewaySockets

        return ApiGatewaySockets(self.settings.connections_url)

    @cached_property
    def sender(self) -> Sender:
        """Events to sockets."""
        from covey.channels.sending import Sender

        return Sender(self.sockets, self.connections)

    @cached_property
    def channels(self) -> Channels:
        """Which channels there are."""
        from covey.channels.catalog import Channels
        from covey.store.models.channel import DynamoChannelStore

        return Channels(DynamoChannelStore(), self.settings.catalog_ttl)

    @cached_property
    def members(self) -> MemberStore:
        """Who is in which room."""
        from covey.store.models.member import DynamoMemberStore

        return DynamoMemberStore()

    @cached_property
    def rooms(self) -> Rooms:
        """Members of rooms: told, and let go."""
        from covey.channels.rooms import Rooms

        return Rooms(
            self.channels,
            self.members,
            self.sender,
            self._socket_callers,
            # Without a limit: a room does not fall silent because it is large.
            lambda: self.reads(most=None),
            self.connections.close,
        )

    @cached_property
    def gathering(self) -> Gathering:
        """Joining, leaving, publishing and presence."""
        from covey.channels.service import Gathering

        return Gathering(self.channels, self.members, self.rooms, self._socket_callers, self.reads)

    @cached_property
    def socket_sweep(self) -> SocketSweep:
        """Drops what sockets left that are gone."""
        from covey.channels.sweeping import SocketSweep

        return SocketSweep(self.members, self.rooms)

    @cached_property
    def _socket_callers(self) -> Callers:
        from covey.channels.callers import Callers

        return Callers(self.present)
