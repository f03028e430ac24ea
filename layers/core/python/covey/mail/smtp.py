"""Mail by SMTP (RFC 5321), with TLS unless the server is on this machine."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from covey.mail.message import Message
from covey.mail.ports import MailerDown, Undeliverable

TIMEOUT_S = 15.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server: `tls` is "implicit" (RFC 8314), "starttls" or "none"."""

    host: str
    port: int
    tls: str
    user: str = ""
    password: str = ""

    @classmethod
    def parse(cls, url: str) -> Server:
        """From ``smtps://user:password@host`` or ``smtp://host:587``; raises ValueError.

        ``smtp`` means STARTTLS, and in the open only to this machine: a password or a link that
        signs somebody in crosses no network unencrypted.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("SMTP_URL must be smtp://host[:port] or smtps://host[:port]")
        port = parts.port or _PORTS[parts.scheme]
        tls = "implicit" if parts.scheme == "smtps" else "starttls"
        if tls == "starttls" and parts.hostname in _LOOPBACK:
            tls = "none"
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname, port, tls, user, password)


class SmtpMailer:
    """`Mailer` over a connection for each letter."""

    def __init__(
        self, server: Server, sender: str, *, context: ssl.SSLContext | None = None
    ) -> None:
        self._server = server
        self._sender = sender
        self._context = context

    def send(self, message: Message) -> None:
        """As `Mailer.send`."""
        try:
            with closing(self._connect()) as connection:
                self._introduce(connection)
                connection.send_message(message.mime(self._sender))
                connection.quit()
        except smtplib.SMTPRecipientsRefused as exc:
            codes = [code for code, _ in exc.recipients.values()]
            raise _fault(max(codes, default=450)) from exc
        except smtplib.SMTPNotSupportedError as exc:
            raise Undeliverable("the mail server cannot write to this address") from exc
        except smtplib.SMTPResponseException as exc:
            raise _fault(exc.smtp_code) from exc
        except (smtplib.SMTPException, OSError) as exc:
            raise MailerDown("The mail server is away.") from exc

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        if server.tls == "implicit":
            return smtplib.SMTP_SSL(
                server.host, server.port, timeout=TIMEOUT_S, context=self._trust()
            )
        return smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)

    def _introduce(self, connection: smtplib.SMTP) -> None:
        if self._server.tls == "starttls":
            connection.starttls(context=self._trust())
        if self._server.user:
            connection.login(self._server.user, self._server.password)

    def _trust(self) -> ssl.SSLContext:
        return self._context or ssl.create_default_context()


def _fault(code: int) -> Exception:
    """5xx is for good, all else for now (RFC 5321, 4.2.1); a refused login is ours to mend."""
    if 500 <= code < 600 and code not in (530, 534, 535, 538):
        return Undeliverable(f"the mail server answered {code}")
    return MailerDown("The mail server did not take the letter.")
