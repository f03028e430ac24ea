"""`auth`: who a socket speaks for from now on.

{"type": "auth", "token": "…"}   → {"type": "auth", "user": "…"}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from covey.identity.principal import Principal
from covey.realtime.frames import Answer, Handle, Message, text
from covey.realtime.model import Connection, Identity
from covey.realtime.ports import ConnectionStore

MAX_TOKEN = 8_192

Verify = Callable[[str], tuple[Principal, int]]
"""An access token to its caller and its end (seconds); raises Unauthenticated."""


class SigningIn:
    """Lets sockets say who they are."""

    def __init__(self, store: ConnectionStore, verify: Verify) -> None:
        self._store = store
        self._verify = verify
        self.kinds: dict[str, Handle] = {"auth": self.auth}

    def auth(self, connection: Connection, message: Message) -> Iterator[Answer]:
        """Verify a token, for the socket and its subscriptions."""
        who, until = self._verify(text(message, "token", MAX_TOKEN))
        self._store.identify(connection.id, Identity.of(who, until))
        yield {"type": "auth", "user": who.id}
