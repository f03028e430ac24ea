"""The outbox as the table and the twin keep it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from covey.mail.message import Message
from covey.mail.ports import Outbox
from covey.store.models.letter import DynamoOutbox
from covey.testing.mail import MemoryOutbox

KINDS: dict[str, Callable[[], Outbox]] = {"table": DynamoOutbox, "memory": MemoryOutbox}


@pytest.fixture(params=KINDS)
def outbox(request: pytest.FixtureRequest) -> Outbox:
    if request.param == "table":
        request.getfixturevalue("table")
    return KINDS[request.param]()


def letter(number: int) -> Message:
    return Message("ann@example.com", f"No. {number}", "text\n", "<p>text</p>\n", "code")


def test_letters_are_kept_newest_first(outbox: Outbox) -> None:
    kept = [outbox.add(letter(number)) for number in range(3)]
    assert list(outbox.newest(2)) == [kept[2], kept[1]]
    assert outbox.get(kept[0].id) == kept[0]


@pytest.mark.parametrize("wrong", ["", "x", "\0", "y" * 3000])
def test_there_is_no_other_letter(outbox: Outbox, wrong: str) -> None:
    assert outbox.get(wrong) is None
