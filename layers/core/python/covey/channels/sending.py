"""Events to the sockets of a room, and which of them are gone."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from covey import json
from covey.errors import Unauthenticated
from covey.realtime.delivery import Delivery
from covey.realtime.ports import ConnectionStore
from covey.realtime.sockets import Sockets

Told = Mapping[str, Any] | Unauthenticated


class Sender:
    """Sends side by side, and lets nobody go meanwhile: that sends in its turn.

    It has a delivery of its own: who is let go of by another one's workers waits for this.
    """

    def __init__(self, sockets: Sockets, connections: ConnectionStore) -> None:
        self._gone: deque[str] = deque()
        self._delivery = Delivery(sockets, connections, self._gone.append)

    def send(self, outbox: Mapping[str, Sequence[Told]]) -> list[str]:
        """Send events by connection, in their order; connections that are gone.

        One whose event is Unauthenticated is told so, and ended. One that cannot be reached is
        ended too. Raises the first failure that is no socket's own, when all had their turn;
        who was found gone meanwhile is told of by the next call.
        """
        self._delivery.deliver(outbox, _frame)
        gone = []
        while self._gone:  # of another send at the same time too: whoever finds it lets it go
            gone.append(self._gone.popleft())
        return gone


def _frame(told: Told) -> bytes:
    if isinstance(told, Unauthenticated):
        raise told
    return json.encode(told).encode()
