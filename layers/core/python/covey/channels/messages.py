"""What sockets say about channels, and what they are answered.

    {"type": "join", "channel": "rooms/42", "state": …}   → {"type": "joined", "channel",
                                                             "members": […]}
    {"type": "leave", "channel": "rooms/42"}              → {"type": "left", "channel"}
    {"type": "publish", "channel": "rooms/42", "data": …} → {"type": "published", "channel",
                                                             "message": "<id>"}
    {"type": "state", "channel": "rooms/42", "state": …}  → {"type": "state", "channel"}
    {"type": "presence", "channel": "rooms/42"}           → {"type": "presence", "channel",
                                                             "members": […]}

`id`, where a message has one, comes back with its answer. `members` is there for who takes part
in presence.
"""

from __future__ import annotations

from collections.abc import Iterator

from covey.channels.model import MAX_ADDRESS
from covey.channels.service import Gathering
from covey.errors import BadRequest
from covey.realtime.frames import Answer, Handle, Message, text
from covey.realtime.model import Connection


class ChannelMessages:
    """Answers the messages about channels."""

    def __init__(self, gathering: Gathering) -> None:
        self._gathering = gathering
        self.kinds: dict[str, Handle] = {
            "join": self.join,
            "leave": self.leave,
            "publish": self.publish,
            "state": self.state,
            "presence": self.presence,
        }

    def join(self, connection: Connection, message: Message) -> Iterator[Answer]:
        """Let the socket into a room."""
        address, named = _address(message), _named(message)
        members = self._gathering.join(connection, address, message.get("state"))
        answer = {"type": "joined", "channel": address, **named}
        yield answer if members is None else {**answer, "members": members}

    def leave(self, connection: Connection, message: Message) -> Iterator[Answer]:
        """Let it out."""
        address, named = _address(message), _named(message)
        self._gathering.leave(connection.id, address)
        yield {"type": "left", "channel": address, **named}

    def publish(self, connection: Connection, message: Message) -> Iterator[Answer]:
        """Tell the others in a room."""
        address, named = _address(message), _named(message)
        if "data" not in message:
            raise BadRequest("data is what to publish.", code="invalid_message")
        sent = self._gathering.publish_as(connection, address, message["data"])
        yield {"type": "published", "channel": address, "message": sent["id"], **named}

    def state(self, connection: Connection, message: Message) -> Iterator[Answer]:
        """Keep what the member says of itself."""
        address, named = _address(message), _named(message)
        self._gathering.say(connection, address, message.get("state"))
        yield {"type": "state", "channel": address, **named}

    def presence(self, connection: Connection, message: Message) -> Iterator[Answer]:
        """Tell who is there."""
        address, named = _address(message), _named(message)
        members = self._gathering.present_to(connection, address)
        yield {"type": "presence", "channel": address, "members": members, **named}


def _address(message: Message) -> str:
    return text(message, "channel", MAX_ADDRESS)


def _named(message: Message) -> Answer:
    """The message's own name, to tell answers apart."""
    return {"id": text(message, "id")} if "id" in message else {}
