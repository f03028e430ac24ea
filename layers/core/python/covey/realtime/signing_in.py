"""`auth`: who a socket speaks for from now on.

    {"type": "auth", "token": "…"}   → {"type": "auth", "user": "…"}

And {"type": "unsubscribed", …} for each subscription that they may not have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from covey.identity.principal import Principal
from covey.realtime.frames import Answer, Handle, Message, text
from covey.realtime.model import Connection, Identity
from covey.realtime.ports import ConnectionStore

MAX_TOKEN = 8_192

Verify = Callable[[str], tuple[Principal, int]]
"""An access token to its caller and its end (seconds); raises Unauthenticated."""
Follow = Callable[[Connection, Principal, Identity], Iterable[Answer]]


class SigningIn:
    """Lets sockets say who they are."""

    def __init__(
        self,
        store: ConnectionStore,
        verify: Verify,
        also: Callable[[str, Identity], None] = lambda connection, identity: None,
        follow: Follow = lambda connection, who, identity: (),
    ) -> None:
        """`also` is told of a connection that speaks for somebody else from now on.

        So is `follow`, which has something to say to it.
        """
        self._store = store
        self._verify = verify
        self._also = also
        self._follow = follow
        self.kinds: dict[str, Handle] = {"auth": self.auth}

    def auth(self, connection: Connection, message: Message) -> Iterator[Answer]:
        """Verify a token, for the socket and its subscriptions."""
        who, until = self._verify(text(message, "token", MAX_TOKEN))
        identity = Identity.of(who, until)
        self._store.identify(connection.id, identity)
        self._also(connection.id, identity)
        yield {"type": "auth", "user": who.id}
        yield from self._follow(connection, who, identity)
