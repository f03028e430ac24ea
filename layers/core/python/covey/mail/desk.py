"""Where orders for letters are carried out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from covey.mail.letters import Letters
from covey.mail.ports import Mailer, Undeliverable

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Draft:
    """To whom, what the template needs, and which template if not the order's own."""

    to: str
    values: Mapping[str, Any] = field(default_factory=dict)
    template: str = ""


# Looks up whom an order concerns; None where nobody is to get the letter.
Drafter = Callable[[Mapping[str, Any]], Draft | None]


class Desk:
    """Writes and sends what was ordered."""

    def __init__(self, drafters: Mapping[str, Drafter], letters: Letters, mailer: Mailer) -> None:
        self._drafters = drafters
        self._letters = letters
        self._mailer = mailer

    def carry_out(self, order: Mapping[str, Any]) -> None:
        """Send one letter, or none when it concerns nobody; raises MailerDown to be tried again.

        An order may come twice: the second letter then has a link of its own. An address that
        nobody takes letters for is logged without itself.
        """
        kind = str(order["letter"])
        draft = self._drafters[kind](order["values"])
        if draft is None:
            return
        try:
            self._mailer.send(self._letters.write(draft.template or kind, draft.to, draft.values))
        except (Undeliverable, ValueError) as exc:
            _log.warning("a letter of kind %s cannot be delivered: %s", kind, exc)
