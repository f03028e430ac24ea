"""A channel, the address of one room of it, and a member."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from covey.expressions import Expression
from covey.realtime.model import Identity

MAX_ADDRESS = 512  # bytes of UTF-8: a part of a key
MAX_VALUE = 256  # bytes of one parameter
MAX_JOINED = 50  # channels of one socket
MAX_STATE = 1_024  # characters of what a member says of itself
MAX_DATA = 30_000  # characters of a message's data: a frame has 32,768
ACTIONS = ("subscribe", "publish", "presence")


@dataclass(frozen=True, slots=True)
class Channel:
    """A declared channel: ``rooms/{room}`` is `path`, ``rooms`` its `name`.

    A rule that is absent admits administrators only. `version` counts its changes, from 1.
    """

    name: str
    path: tuple[str, ...]
    rules: Mapping[str, Expression] = field(default_factory=dict, hash=False)  # by `ACTIONS`
    schema: Mapping[str, Any] | None = field(default=None, hash=False)
    most: int = MAX_DATA  # characters of a message's data as JSON
    description: str = ""
    version: int = 1

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in its path, in order."""
        return tuple(part[1:-1] for part in self.path if part.startswith("{"))


@dataclass(frozen=True, slots=True)
class Room:
    """One address of a channel, ``rooms/42``, and the values of its parameters."""

    channel: Channel
    address: str
    values: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Member:
    """A socket in a room. Times in seconds since the epoch.

    `present` says that it takes part in presence; `state` is what it says of itself, `said` when,
    in milliseconds.
    """

    connection: str
    address: str
    identity: Identity
    joined: int
    expires: int
    present: bool = False
    state: Any = None
    said: int = 0


def room_of(channel: Channel, address: str) -> Room | None:
    """The room of this address, or None where the channel has none."""
    parts = address.split("/")
    if len(parts) != len(channel.path) or not is_address(address):
        return None
    values = {}
    for written, given in zip(channel.path, parts, strict=True):
        if written.startswith("{"):
            values[written[1:-1]] = given
        elif written != given:
            return None
    return Room(channel, address, values)


def is_address(text: str) -> bool:
    """Whether a text may be an address: parts that are printable and not too long."""
    try:
        parts = [part.encode() for part in text.split("/")]
    except UnicodeEncodeError:
        return False
    sizes = [len(part) for part in parts]
    fits = all(0 < size <= MAX_VALUE for size in sizes) and sum(sizes) + len(sizes) <= MAX_ADDRESS
    return fits and text.isprintable()
