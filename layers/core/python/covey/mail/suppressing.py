"""Addresses that get no letters for a while, as letters to them came back.

Who sends to those that bounce or complain is soon taken for a spammer, and sends to nobody. So
nothing is sent to them until the suppression ends: administrators see them and can lift it.
Strangers learn nothing of it: an order is answered before anybody looks whom it is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Protocol

from covey.mail.message import Message
from covey.mail.ports import Mailer, Undeliverable

BOUNCE, COMPLAINT = "bounce", "complaint"
KEPT_S = {BOUNCE: 90 * 86_400, COMPLAINT: 365 * 86_400}


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An address as `plain` gives it; `since` in milliseconds, `expires` in seconds."""

    address: str
    reason: str
    detail: str
    since: int
    expires: int


class Suppressions(Protocol):
    """Where they are kept; `covey.store.models.suppressed` and `covey.testing.mail`."""

    def add(self, one: Suppressed) -> None:
        """Keep one; the address may be there already."""
        ...

    def get(self, address: str) -> Suppressed | None:
        """One that has not ended."""
        ...

    def list(self, after: str, limit: int) -> Sequence[Suppressed]:
        """Those that have not ended, in the order of addresses, from above one."""
        ...

    def remove(self, address: str) -> bool:
        """Lift one; False where it was not there."""
        ...


class Sparing:
    """`Mailer` that sends nothing to suppressed addresses."""

    def __init__(self, mailer: Mailer, kept: Suppressions) -> None:
        self._mailer = mailer
        self._kept = kept

    def send(self, message: Message) -> None:
        """As `Mailer.send`; Undeliverable for them."""
        if self._kept.get(plain(message.to)) is not None:
            raise Undeliverable("suppressed")
        self._mailer.send(message)


def plain(address: str) -> str:
    """The address alone, in small letters: which mailbox it is, as servers take it in practice."""
    return (parseaddr(address)[1] or address).lower()
