"""Who may subscribe, publish and be present: rules of rooms, by the one `authorize`.

What a caller may not subscribe to does not exist for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covey.channels.model import Room
from covey.collections.scope import CallerScope, Reads
from covey.errors import CoveyError, Forbidden, NotFound, Unauthenticated
from covey.expressions import names
from covey.identity.authorize import admits
from covey.identity.principal import Kind, Principal
from covey.identity.scopes import not_allowed

NEED = "realtime"  # the surface that a key must have been given


class RoomScope(CallerScope):
    """The names of a decision on a room: its parameters, ``auth`` and ``now``."""

    __slots__ = ("_values",)

    def __init__(self, room: Room, who: Principal, read: Reads | None) -> None:
        super().__init__(who, None, read)
        self._values = room.values

    def own(self, name: str) -> Any:
        """A parameter; raises KeyError."""
        return self._values[name]


def may(who: Principal, action: str, room: Room, read: Reads | None) -> bool:
    """Whether a caller may do this in a room."""
    return admits(who, room.channel.rules.get(action), RoomScope(room, who, read), NEED)


def demand(who: Principal, action: str, room: Room, read: Reads | None) -> None:
    """Return if the caller may do this in the room; else raise.

    NotFound where they may do nothing here, Unauthenticated for a guest whom signing in could
    help, else Forbidden.
    """
    if may(who, action, room, read):
        return
    raise _refusal(who, action, room, read)


def foresee(
    callers: Sequence[Principal], actions: Sequence[str], room: Room, read: Reads | None
) -> None:
    """Read together what the rules of these callers are going to ask for."""
    rules = [rule for action in actions if (rule := room.channel.rules.get(action)) is not None]
    asking = [rule for rule in rules if rule.reads_records]
    if read is not None and asking:
        plain = [who for who in callers if not who.is_administrator]
        read.foresee((rule, RoomScope(room, who, read)) for who in plain for rule in asking)


def _refusal(who: Principal, action: str, room: Room, read: Reads | None) -> CoveyError:
    if who.scopes is not None and not who.scopes.meet(NEED):
        return not_allowed()
    rule = room.channel.rules.get(action)
    asks = rule is not None and any(name.partition(".")[0] == "auth" for name in names(rule))
    if who.kind is Kind.GUEST and asks:
        return Unauthenticated("Sign in to do this.")
    if action != "subscribe" and may(who, "subscribe", room, read):
        return Forbidden(
            f"A rule of the channel does not let you {_WORDS[action]}.", code="rule_denied"
        )
    return NotFound("channel")


_WORDS = {"publish": "publish", "presence": "know who is there"}
