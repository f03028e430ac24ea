"""Suppressed addresses, over the table and in memory: one contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from covey.mail.suppressing import Suppressed, Suppressions
from covey.store.models.suppressed import DynamoSuppressions
from covey.testing.mail import MemorySuppressions

Made = tuple[Suppressions, Callable[[int], None]]


@pytest.fixture(params=["memory", "table"])
def made(request: pytest.FixtureRequest) -> Made:
    if request.param == "memory":
        kept = MemorySuppressions(now=100)
        return kept, lambda now: setattr(kept, "now", now)
    request.getfixturevalue("table")
    clock = [100]
    return DynamoSuppressions(lambda: clock[0]), lambda now: clock.__setitem__(0, now)


def one(address: str, expires: int = 200) -> Suppressed:
    return Suppressed(address, "bounce", "550 5.1.1", 5, expires)


def test_one_is_found_until_it_ends(made: Made) -> None:
    kept, at = made
    kept.add(one("a@b.c"))
    assert kept.get("a@b.c") == one("a@b.c")
    assert kept.get("b@b.c") is None
    at(200)
    assert kept.get("a@b.c") is None
    assert kept.list("", 9) == []


def test_they_are_listed_in_the_order_of_addresses(made: Made) -> None:
    kept, _ = made
    for address in ("c@x", "a@x", "b@x"):
        kept.add(one(address))
    kept.add(one("aa@x", expires=50))
    assert [each.address for each in kept.list("", 2)] == ["a@x", "b@x"]
    assert [each.address for each in kept.list("b@x", 9)] == ["c@x"]


def test_one_told_again_holds_from_then_on_and_is_lifted_once(made: Made) -> None:
    kept, _ = made
    kept.add(one("a@x"))
    kept.add(one("a@x", expires=900))
    assert kept.list("", 9) == [one("a@x", expires=900)]
    assert kept.remove("a@x")
    assert not kept.remove("a@x")
    assert kept.get("a@x") is None
