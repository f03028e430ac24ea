"""Twins of what letters leave by, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from covey.mail.message import Message
from covey.mail.ports import Kept, Outbox
from covey.mail.suppressing import Suppressed


@dataclass
class MemoryMailer:
    """Keeps what was sent; raises `fault` instead where there is one."""

    sent: list[Message] = field(default_factory=list)
    fault: Exception | None = None

    def send(self, message: Message) -> None:
        """As `Mailer.send`."""
        if self.fault is not None:
            raise self.fault
        self.sent.append(message)


@dataclass
class MemorySuppressions:
    """`Suppressions` in memory; `now` in seconds."""

    now: float = 0
    kept: dict[str, Suppressed] = field(default_factory=dict)

    def add(self, one: Suppressed) -> None:
        """As `Suppressions.add`."""
        self.kept[one.address] = one

    def get(self, address: str) -> Suppressed | None:
        """As `Suppressions.get`."""
        found = self.kept.get(address)
        return found if found and found.expires > self.now else None

    def list(self, after: str, limit: int) -> Sequence[Suppressed]:
        """As `Suppressions.list`."""
        every = [one for address, one in sorted(self.kept.items()) if address > after]
        return [one for one in every if one.expires > self.now][:limit]

    def remove(self, address: str) -> bool:
        """As `Suppressions.remove`."""
        return self.kept.pop(address, None) is not None


@dataclass
class MemoryOutbox(Outbox):
    """`Outbox` in memory."""

    letters: list[Kept] = field(default_factory=list)

    def add(self, message: Message) -> Kept:
        """As `Outbox.add`."""
        kept = Kept(f"{len(self.letters):06d}", len(self.letters), message)
        self.letters.append(kept)
        return kept

    def newest(self, limit: int) -> Sequence[Kept]:
        """As `Outbox.newest`."""
        return self.letters[::-1][:limit]

    def get(self, letter: str) -> Kept | None:
        """As `Outbox.get`."""
        return next((kept for kept in self.letters if kept.id == letter), None)
