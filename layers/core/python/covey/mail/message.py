"""One letter, ready to be sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

MAX_ADDRESS = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets
MAX_SUBJECT = 200

_ADDRESS = re.compile(
    r"[^\s@<>,;:\"()\[\]\\\x00-\x1f\x7f]{1,64}@[^\s@<>,;:\"()\[\]\\\x00-\x1f\x7f]+"
)


@dataclass(frozen=True, slots=True)
class Message:
    """A letter to one address: `text` for all readers, `html` for those that show it.

    `kind` is the template's name. Raises ValueError for an address or a subject that could end
    a header or name several readers.
    """

    to: str
    subject: str
    text: str
    html: str
    kind: str = ""

    def __post_init__(self) -> None:
        if len(self.to) > MAX_ADDRESS or not _ADDRESS.fullmatch(self.to):
            raise ValueError("not one e-mail address")
        if not 0 < len(self.subject) <= MAX_SUBJECT or not self.subject.isprintable():
            raise ValueError("a subject is one line")

    def mime(self, sender: str) -> EmailMessage:
        """As MIME (RFC 5322): plain text and HTML as alternatives.

        Answers to it are nobody's: it says so, and keeps out-of-office replies away (RFC 3834).
        """
        message = EmailMessage(policy=SMTP)
        message["From"] = sender
        message["To"] = self.to
        message["Subject"] = self.subject
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(self.text)
        message.add_alternative(self.html, subtype="html")
        return message
