"""Letters kept to be looked at: where there is no mail server."""

from __future__ import annotations

from covey.mail.message import Message
from covey.mail.ports import Outbox


class OutboxMailer:
    """`Mailer` that sends nothing."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def send(self, message: Message) -> None:
        """Keep it."""
        self._outbox.add(message)
