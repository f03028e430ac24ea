"""`covey.mail.ports.Mailer` over SES."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from covey.mail.message import Message
from covey.mail.ports import MailerDown, Undeliverable

# What trying again does not mend (SES API v2, SendEmail).
_FOR_GOOD = frozenset({"MessageRejected", "BadRequestException", "ValidationException"})


class SesMailer:
    """SES in this region; `sender` must be an identity that it has verified.

    `configuration` is the set of SES by which bounces and complaints are told; "" for none.
    """

    def __init__(self, sender: str, configuration: str = "", *, client: Any = None) -> None:
        self._sender = sender
        self._set = {"ConfigurationSetName": configuration} if configuration else {}
        self._given = client

    @cached_property
    def _ses(self) -> Any:
        config = Config(
            connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 3}
        )
        return self._given or boto3.client("sesv2", config=config)

    def send(self, message: Message) -> None:
        """As `Mailer.send`."""
        try:
            self._ses.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [message.to]},
                Content={"Raw": {"Data": message.mime(self._sender).as_bytes()}},
                **self._set,
            )
        except ClientError as exc:
            code = exc.response["Error"]["Code"]
            if code in _FOR_GOOD:
                raise Undeliverable(code) from exc
            raise MailerDown("SES did not take the letter.") from exc
        except BotoCoreError as exc:
            raise MailerDown("SES is away.") from exc
