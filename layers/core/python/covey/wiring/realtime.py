"""Sockets: what they say and what they are told."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from covey.wiring.channels import ChannelServices

if TYPE_CHECKING:
    from covey.realtime.delivery import Delivery
    from covey.realtime.fan_out import FanOut
    from covey.realtime.messages import Conversation
    from covey.realtime.pacing import Pacing
    from covey.realtime.ports import ChangeLog, Places
    from covey.realtime.subscribing import Subscribing
    from covey.realtime.tickets import Tickets


class RealtimeServices(ChannelServices):
    """Sockets: what they say and what they are told."""

    @cached_property
    def tickets(self) -> Tickets:
        """Single-use tickets that open a socket."""
        from covey.realtime.tickets import Tickets

        return Tickets(self.record_store, session_seconds=self.settings.access_token_ttl)

    @cached_property
    def conversation(self) -> Conversation:
        """What is answered to sockets."""
        from covey.channels.messages import ChannelMessages
        from covey.realtime.messages import Conversation
        from covey.realtime.signing_in import SigningIn

        return Conversation(
            self.connections,
            SigningIn(
                self.connections,
                self.bearer,
                also=self.gathering.identify,
                follow=self.subscribing.identify,
            ).kinds,
            self.subscribing.kinds,
            ChannelMessages(self.gathering).kinds,
            pace=self.pacing.take,
            close=self.sockets.close,
        )

    @cached_property
    def change_log(self) -> ChangeLog:
        """The latest changes, for who was away a moment."""
        from covey.store.change_log import DynamoChangeLog

        return DynamoChangeLog(self.transport, self.settings.table_name)

    @cached_property
    def places(self) -> Places:
        """Cursors of subscriptions."""
        from covey.store.cursor import Cursors
        from covey.store.places import SealedPlaces
        from covey.store.secret import secret

        return SealedPlaces(Cursors(secret(self.transport, self.settings.table_name, "cursor")))

    @cached_property
    def subscribing(self) -> Subscribing:
        """Subscriptions, and what they begin with."""
        from covey.realtime.catching_up import CatchingUp
        from covey.realtime.subscribing import Subscribing

        catching_up = CatchingUp(
            self.change_log, self.places, self.records.list, reads=lambda: self.reads(most=None)
        )
        return Subscribing(self.connections, self.catalog, self.present, catching_up)

    @cached_property
    def delivery(self) -> Delivery:
        """Frames to many sockets at once."""
        from covey.realtime.delivery import Delivery

        return Delivery(self.sockets, self.connections, self.rooms.depart)

    @cached_property
    def pacing(self) -> Pacing:
        """How fast sockets may send."""
        from covey.realtime.pacing import Pacing
        from covey.store.models.frames import DynamoFrames

        return Pacing(DynamoFrames(), self.settings.frame_rate)

    @cached_property
    def fan_out(self) -> FanOut:
        """Who is told of a change."""
        from covey.realtime.fan_out import FanOut

        return FanOut(
            self.connections,
            self.change_log,
            self.places,
            self.catalog,
            self.delivery,
            self.present,
            with_profile=self.profiled,
            # Without a limit: a batch of changes that cannot be told would be tried for ever.
            reads=lambda: self.reads(most=None),
        )
