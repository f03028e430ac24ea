"""Letters that come back: whose address is suppressed, and for how long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from covey.mail.message import Message
from covey.mail.ports import Undeliverable
from covey.mail.returns import Returns, told
from covey.mail.suppressing import BOUNCE, COMPLAINT, Sparing, Suppressed, plain
from covey.testing.mail import MemoryMailer, MemorySuppressions

NOW = 1_800_000_000_000
EVENTS = Path(__file__).resolve().parents[3] / "events"


def recorded(name: str) -> dict[str, Any]:
    [record] = json.loads((EVENTS / f"{name}.json").read_text())["Records"]
    body: dict[str, Any] = json.loads(record["body"])
    return body


@pytest.fixture
def kept() -> MemorySuppressions:
    return MemorySuppressions()


@pytest.fixture
def returns(kept: MemorySuppressions) -> Returns:
    return Returns(kept, now=lambda: NOW)


def test_an_address_that_bounced_for_good_is_suppressed_for_90_days(
    returns: Returns, kept: MemorySuppressions
) -> None:
    returns.take(recorded("mail_bounce"))
    [one] = kept.list("", 9)
    assert (one.address, one.reason, one.since) == ("ann@example.com", BOUNCE, NOW)
    assert one.detail == "General smtp; 550 5.1.1 user unknown"
    assert one.expires == NOW // 1000 + 90 * 86_400


def test_one_that_complained_for_a_year(returns: Returns, kept: MemorySuppressions) -> None:
    returns.take(recorded("mail_complaint"))
    [one] = kept.list("", 9)
    assert (one.address, one.reason, one.detail) == ("ann@example.com", COMPLAINT, "abuse")
    assert one.expires == NOW // 1000 + 365 * 86_400


def bounce(kind: str, *addresses: Any, **more: Any) -> dict[str, Any]:
    recipients = [{"emailAddress": one} for one in addresses]
    about = {"bounceType": kind, "bounceSubType": "General", "bouncedRecipients": recipients}
    return {"eventType": "Bounce", "bounce": {**about, **more}}


def complaint(kind: str | None) -> dict[str, Any]:
    about = {"complainedRecipients": [{"emailAddress": "a@b.c"}], "complaintFeedbackType": kind}
    return {"notificationType": "Complaint", "complaint": about}


NOTICES: dict[str, tuple[Any, list[str]]] = {
    "several readers": (bounce("Permanent", "a@b.c", "D@e.f"), ["a@b.c", "d@e.f"]),
    "with their names": (bounce("Permanent", "Ann <a@b.c>"), ["a@b.c"]),
    "a full mailbox": (bounce("Transient", "a@b.c"), []),
    "an undetermined one": (bounce("Undetermined", "a@b.c"), []),
    "a complaint of an identity": (complaint("abuse"), ["a@b.c"]),
    "a complaint without a kind": (complaint(None), ["a@b.c"]),
    "what is not spam": (complaint("not-spam"), []),
    "a delivery": ({"eventType": "Delivery", "delivery": {"recipients": ["a@b.c"]}}, []),
    "nothing": ({}, []),
    "no object": ({"eventType": "Bounce", "bounce": "x"}, []),
    "no list": (bounce("Permanent", bouncedRecipients={"emailAddress": "a@b.c"}), []),
    "no text": (bounce("Permanent", 7, None, "", "x" * 999), []),
}


@pytest.mark.parametrize(("notice", "addresses"), NOTICES.values(), ids=NOTICES)
def test_notices_are_read_and_whatever_else_is_none(notice: Any, addresses: list[str]) -> None:
    assert [address for address, _, _ in told(notice)] == addresses


@pytest.mark.parametrize(
    "message",
    [
        recorded("mail_topic_validated"),
        {"Type": "Notification"},
        {"Type": "Notification", "Message": "[]"},
        {"Type": "Notification", "Message": None},
        {},
    ],
)
def test_what_the_topic_says_besides_is_nothing(
    returns: Returns, kept: MemorySuppressions, message: Any
) -> None:
    returns.take(message)
    assert not kept.list("", 9)


def test_a_detail_is_tame(returns: Returns, kept: MemorySuppressions) -> None:
    notice = bounce("Permanent", "a@b.c", bounceSubType="x\r\n\x00" + "y" * 999)
    returns.take(notice)
    [one] = kept.list("", 9)
    assert one.detail.isprintable()
    assert len(one.detail) == 200


def test_suppressed_addresses_get_no_letter_until_it_ends(kept: MemorySuppressions) -> None:
    mailer = MemoryMailer()
    sparing = Sparing(mailer, kept)
    letter = Message("Ann@Example.com", "Hello", "text\n", "<p>text</p>\n")
    kept.add(Suppressed("ann@example.com", BOUNCE, "", 0, 100))
    with pytest.raises(Undeliverable) as refused:
        sparing.send(letter)
    assert "example" not in str(refused.value).lower()
    kept.now = 100
    sparing.send(letter)
    assert mailer.sent == [letter]


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [("Ann@Example.COM", "ann@example.com"), ("A <b@c.d>", "b@c.d"), ("nothing", "nothing")],
)
def test_an_address_is_its_mailbox(address: str, mailbox: str) -> None:
    assert plain(address) == mailbox
