"""Drops what sockets left that are gone without a word: their connections and memberships.

API Gateway tells of nearly every socket that ends. Of the others nothing is heard; their time,
two hours after they opened, is when they are looked for. What else expires with them is
DynamoDB's to delete.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from covey.channels.ports import MemberStore
from covey.channels.rooms import Rooms

GRACE = 60  # seconds: a socket may be a little older than its item
AT_ONCE = 50


class SocketSweep:
    """Lets sockets leave whose time has come; whoever is left in their rooms is told."""

    def __init__(
        self, members: MemberStore, rooms: Rooms, *, now: Callable[[], float] = time.time
    ) -> None:
        self._members = members
        self._rooms = rooms
        self._now = now

    def run(self, time_left: Callable[[], bool]) -> Mapping[str, Any]:
        """Sweep until nothing is due or `time_left` says no; how many sockets were dropped.

        The index that says what is due lags: what was seen is not waited for.
        """
        seen: set[str] = set()
        while time_left():
            due = self._members.due(int(self._now()) - GRACE, AT_ONCE)
            new = [one for one in due if one not in seen]
            if not new:
                break
            self._rooms.depart(*new)
            seen.update(new)
        return {"sockets": len(seen)}
