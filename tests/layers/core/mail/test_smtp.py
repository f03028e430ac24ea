"""Letters by SMTP, to a real server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from covey.mail.message import Message
from covey.mail.ports import MailerDown, Undeliverable
from covey.mail.smtp import Server, SmtpMailer
from infra.gateway.engine import free_port

LETTER = Message("ann@example.com", "Hello", "text\n", "<p>text</p>\n")
FROM = "Covey <covey@localhost>"


class Postbox:
    """Takes letters, and answers what the address asks for."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address.startswith("answer-"):
            return f"{address[7:10]} as you wish"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.taken.append(envelope)
        return "250 OK"


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def server(postbox: Postbox) -> Iterator[Server]:
    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.login == b"us" and data.password == b"p@ss")

    controller = Controller(
        postbox,
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=check,
        auth_require_tls=False,
    )
    controller.start()
    yield Server("127.0.0.1", controller.port, "none")
    controller.stop()


def test_a_letter_arrives(server: Server, postbox: Postbox) -> None:
    SmtpMailer(server, FROM).send(LETTER)
    [envelope] = postbox.taken
    assert envelope.rcpt_tos == ["ann@example.com"]
    assert envelope.mail_from == "covey@localhost"
    assert b"Subject: Hello" in envelope.content


def test_a_login_is_used_and_a_refused_one_is_tried_again(server: Server, postbox: Postbox) -> None:
    known = Server.parse(f"smtp://us:p%40ss@127.0.0.1:{server.port}")
    SmtpMailer(known, FROM).send(LETTER)
    assert len(postbox.taken) == 1
    wrong = Server.parse(f"smtp://us:other@127.0.0.1:{server.port}")
    with pytest.raises(MailerDown):
        SmtpMailer(wrong, FROM).send(LETTER)


@pytest.mark.parametrize(
    ("code", "error"), [("550", Undeliverable), ("553", Undeliverable), ("451", MailerDown)]
)
def test_for_good_and_for_now_are_told_apart(
    server: Server, code: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        SmtpMailer(server, FROM).send(Message(f"answer-{code}@example.com", "a", "b", "c"))


def test_a_server_that_is_away_is_tried_again() -> None:
    with pytest.raises(MailerDown):
        SmtpMailer(Server("127.0.0.1", 9, "none"), FROM).send(LETTER)


def test_a_server_without_tls_gets_no_letter(server: Server, postbox: Postbox) -> None:
    with pytest.raises(Undeliverable):
        SmtpMailer(Server("127.0.0.1", server.port, "starttls"), FROM).send(LETTER)
    assert not postbox.taken


PARSED = {
    "smtps://u:p@mail.example.com": ("mail.example.com", 465, "implicit"),
    "smtp://mail.example.com": ("mail.example.com", 587, "starttls"),
    "smtp://mail.example.com:25": ("mail.example.com", 25, "starttls"),
    "smtp://localhost:1025": ("localhost", 1025, "none"),
}


@pytest.mark.parametrize(("url", "expected"), PARSED.items())
def test_an_address_of_a_server_says_how_it_is_reached(
    url: str, expected: tuple[str, int, str]
) -> None:
    found = Server.parse(url)
    assert (found.host, found.port, found.tls) == expected


@pytest.mark.parametrize("url", ["", "mail.example.com", "https://x", "smtp://", "smtp://x:99999"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Server.parse(url)
