"""Letters by SES, as moto plays it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from covey.aws.mail import SesMailer
from covey.mail.message import Message
from covey.mail.ports import MailerDown, Undeliverable

LETTER = Message("ann@example.com", "Grüße", "text\n", "<p>text</p>\n")
FROM = "Covey <covey@example.com>"


@pytest.fixture
def ses() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("sesv2")


def test_a_letter_is_handed_over_whole(ses: Any) -> None:
    ses.create_email_identity(EmailIdentity="covey@example.com")
    SesMailer(FROM).send(LETTER)
    [sent] = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages
    assert "ann@example.com" in sent.destinations
    assert "Subject: =?utf-8?" in sent.raw_data


def test_it_is_sent_by_the_configuration_set_that_tells_of_bounces() -> None:
    sent: list[dict[str, Any]] = []

    class Noting:
        def send_email(self, **request: Any) -> None:
            sent.append(request)

    SesMailer(FROM, "covey-mail", client=Noting()).send(LETTER)
    SesMailer(FROM, client=Noting()).send(LETTER)
    assert sent[0]["ConfigurationSetName"] == "covey-mail"
    assert "ConfigurationSetName" not in sent[1]


class Refusing:
    """A client that fails."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    def send_email(self, **_: Any) -> None:
        raise self._fault


def answered(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "SendEmail")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (answered("MessageRejected"), Undeliverable),
        (answered("BadRequestException"), Undeliverable),
        (answered("TooManyRequestsException"), MailerDown),
        (answered("SendingPausedException"), MailerDown),
        (EndpointConnectionError(endpoint_url="x"), MailerDown),
    ],
)
def test_for_good_and_for_now_are_told_apart(fault: Exception, error: type[Exception]) -> None:
    with pytest.raises(error):
        SesMailer(FROM, client=Refusing(fault)).send(LETTER)
