"""Orders become letters, once for each order that concerns somebody."""

from __future__ import annotations

from typing import Any

import pytest

from covey.mail.desk import Desk, Draft
from covey.mail.letters import OWN, Letters
from covey.mail.outbox import OutboxMailer
from covey.mail.ports import MailerDown, Undeliverable
from covey.mail.post import Post
from covey.testing.mail import MemoryMailer, MemoryOutbox
from covey.testing.queues import MemoryJobQueue


def draft(values: Any) -> Draft | None:
    known = values["to"] != "nobody@example.com"
    return Draft(values["to"], {"code": "123456", "lifetime": "1 hour"}) if known else None


@pytest.fixture
def mailer() -> MemoryMailer:
    return MemoryMailer()


@pytest.fixture
def desk(mailer: MemoryMailer) -> Desk:
    return Desk({"code": draft}, Letters([OWN], {"product": "Acme"}), mailer)


def order(**values: Any) -> dict[str, Any]:
    queue = MemoryJobQueue()
    Post(queue).order("code", **values)
    [body] = queue.take()
    return body


def test_an_order_is_carried_out(desk: Desk, mailer: MemoryMailer) -> None:
    desk.carry_out(order(to="ann@example.com"))
    [letter] = mailer.sent
    assert (letter.to, letter.kind) == ("ann@example.com", "code")
    assert letter.subject == "Your code for Acme: 123456"


def test_an_order_that_concerns_nobody_is_no_letter(desk: Desk, mailer: MemoryMailer) -> None:
    desk.carry_out(order(to="nobody@example.com"))
    assert not mailer.sent


def test_a_mailer_that_is_away_is_tried_again(desk: Desk, mailer: MemoryMailer) -> None:
    mailer.fault = MailerDown()
    with pytest.raises(MailerDown):
        desk.carry_out(order(to="ann@example.com"))


@pytest.mark.parametrize("to", ["ann@example.com", "two@example.com, three@example.com"])
def test_what_cannot_be_delivered_is_logged_without_its_reader(
    desk: Desk, mailer: MemoryMailer, caplog: pytest.LogCaptureFixture, to: str
) -> None:
    mailer.fault = Undeliverable("answered 550")
    desk.carry_out(order(to=to))
    assert "of kind code cannot be delivered" in caplog.text
    assert "@" not in caplog.text


def test_the_outbox_keeps_what_is_not_sent() -> None:
    outbox = MemoryOutbox()
    Desk({"code": draft}, Letters([OWN], {"product": "Acme"}), OutboxMailer(outbox)).carry_out(
        order(to="ann@example.com")
    )
    [kept] = outbox.newest(10)
    assert outbox.get(kept.id) == kept
