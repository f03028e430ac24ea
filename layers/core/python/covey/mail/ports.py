"""How letters leave: the ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from covey.errors import Unavailable
from covey.mail.message import Message


class Undeliverable(Exception):
    """Nobody takes this letter, and nobody will: it is not to be tried again."""


class MailerDown(Unavailable):
    """The letter was not taken this time: it is to be tried again."""


class Mailer(Protocol):
    """Whoever takes a letter to its reader."""

    def send(self, message: Message) -> None:
        """Hand it over; raises Undeliverable or MailerDown."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """A letter of the outbox: `id` rises with `sent`, milliseconds since the epoch."""

    id: str
    sent: int
    message: Message


class Outbox(Protocol):
    """Letters that are kept to be looked at instead of being sent."""

    def add(self, message: Message) -> Kept:
        """Keep it for a week."""
        ...

    def newest(self, limit: int) -> Sequence[Kept]:
        """The newest first."""
        ...

    def get(self, letter: str) -> Kept | None:
        """One of them."""
        ...


class Queue(Protocol):
    """Where orders for letters wait."""

    def send(self, body: Mapping[str, Any], delay_s: int = 0) -> None:
        """Queue a message of JSON."""
        ...
