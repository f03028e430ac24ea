"""Sockets: what they say and what they are told."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from covey.wiring.channels import ChannelServices

if TYPE_CHECKING:
    from covey.realtime.fan_out import FanOut
    from covey.realtime.messages import Conversation
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
        from covey.realtime.subscribing import Subscribing

        return Conversation(
            self.connections,
            SigningIn(self.connections, self.bearer, also=self.gathering.identify).kinds,
            Subscribing(self.connections, self.catalog, self.present).kinds,
            ChannelMessages(self.gathering).kinds,
        )

    @cached_property
    def fan_out(self) -> FanOut:
        """Who is told of a change."""
        from covey.realtime.fan_out import FanOut

        return FanOut(
            self.connections,
            self.catalog,
            self.sockets,
            self.profiled,
            # Without a limit: a batch of changes that cannot be told would be tried for ever.
            reads=lambda: self.reads(most=None),
        )
