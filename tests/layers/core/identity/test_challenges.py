"""Secrets that prove something once."""

from __future__ import annotations

import contextlib
import threading

import pytest

from covey.errors import Unauthenticated
from covey.identity.challenges import RESET, VERIFY, Challenges, Purpose
from covey.identity.flows import MAGIC
from covey.store.records import DynamoRecordStore
from covey.store.transport import transport
from covey.testing.records import MemoryRecordStore


@pytest.fixture(params=["memory", "table"])
def challenges(request: pytest.FixtureRequest) -> Challenges:
    if request.param == "memory":
        return Challenges(MemoryRecordStore())
    table = request.getfixturevalue("table")
    return Challenges(DynamoRecordStore(transport(), table))


def test_a_secret_is_good_once(challenges: Challenges) -> None:
    secret = challenges.open(RESET, {"user": "ann"})
    assert challenges.redeem(RESET, secret) == {"user": "ann"}
    with pytest.raises(Unauthenticated, match="does not hold"):
        challenges.redeem(RESET, secret)


def test_of_twenty_at_once_one_gets_it(challenges: Challenges) -> None:
    secret = challenges.open(MAGIC, {"user": "ann"})
    together, got = threading.Barrier(20), []

    def redeem() -> None:
        together.wait()
        with contextlib.suppress(Unauthenticated):
            got.append(challenges.redeem(MAGIC, secret))

    threads = [threading.Thread(target=redeem) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [{"user": "ann"}]


def test_a_secret_for_another_purpose_is_none_and_stays(challenges: Challenges) -> None:
    secret = challenges.open(VERIFY, {"user": "ann"})
    with pytest.raises(Unauthenticated):
        challenges.redeem(RESET, secret)
    assert challenges.redeem(VERIFY, secret) == {"user": "ann"}


def test_a_late_secret_does_not_hold() -> None:
    store = MemoryRecordStore()
    secret = Challenges(store, clock=lambda: 1_000.0).open(RESET, {"user": "ann"})
    with pytest.raises(Unauthenticated):
        Challenges(store).redeem(RESET, secret)


@pytest.mark.parametrize(
    "wrong", ["", "x", "é" * 43, "a" * 42 + "\n", "a" * 44, "a" * 43, "\0" * 43]
)
def test_any_text_is_refused(challenges: Challenges, wrong: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        challenges.redeem(RESET, wrong)
    assert refused.value.code == "invalid_token"


@pytest.mark.parametrize(
    ("seconds", "lifetime"),
    [
        (60, "1 minute"),
        (900, "15 minutes"),
        (3600, "1 hour"),
        (259_200, "3 days"),
        (61, "61 seconds"),
    ],
)
def test_how_long_it_holds_can_be_said(seconds: int, lifetime: str) -> None:
    assert Purpose("x", seconds).lifetime == lifetime
