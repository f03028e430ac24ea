"""One letter to one reader, whatever was typed as an address."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

import pytest

from covey.mail.message import Message

FORGED = {
    "a second header": "ann@example.com\r\nBcc: all@example.com",
    "a second reader": "ann@example.com, bob@example.com",
    "a name": "Ann <ann@example.com>",
    "a comment": "ann(x)@example.com",
    "a null byte": "ann\0@example.com",
    "no domain": "ann",
    "too long": "a" * 64 + "@" + "b" * 250,
}


@pytest.mark.parametrize("to", FORGED.values(), ids=FORGED.keys())
def test_an_address_is_one_address(to: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Message(to, "Hello", "text", "html")


@pytest.mark.parametrize("subject", ["", "two\nlines", "bell\a", "x" * 201])
def test_a_subject_is_one_line(subject: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        Message("ann@example.com", subject, "text", "html")


def test_both_forms_arrive_as_they_were_written() -> None:
    letter = Message("åsa@exämple.com", "Grüße", "Straße\n", "<p>Straße</p>\n")
    sent = message_from_bytes(letter.mime("Covey <covey@localhost>").as_bytes(), policy=default)
    assert sent["Subject"] == "Grüße"
    assert sent["Auto-Submitted"] == "auto-generated"
    text, html = sent.get_body(("plain",)), sent.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == ["Straße"]
    assert html.get_content().splitlines() == ["<p>Straße</p>"]
