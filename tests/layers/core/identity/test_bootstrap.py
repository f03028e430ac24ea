"""The first administrator."""

from collections.abc import Callable

import pytest

from covey.errors import CoveyError
from covey.identity.bootstrap import OFFER_SECONDS
from covey.identity.ports import Place
from covey.identity.principal import Kind
from tests.layers.core.identity.world import EMAIL, PASSWORD, World, at_once

VALUES = {"email": "root@example.test"}


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(CoveyError) as failure:
        call()
    return failure.value.status, failure.value.code


def offer(world: World, *, again: bool = False) -> str:
    token = world.first.offer(again=again)
    assert token is not None
    return token


def test_the_token_makes_an_administrator_once(world: World) -> None:
    token = offer(world)
    answer = world.first.redeem(token, VALUES, PASSWORD)
    caller = world.caller(f"Bearer {answer.access_token}")
    assert (caller.kind, caller.roles) == (Kind.ADMINISTRATOR, ("admin",))
    assert answer.user["roles"] == ["admin"]
    again = world.sign_in(VALUES["email"], PASSWORD)
    assert world.tokens.verify(again.access_token).roles == ("admin",)
    spent = lambda: world.first.redeem(token, {"email": EMAIL}, PASSWORD)  # noqa: E731
    assert refused(spent) == (409, "administrator_exists")
    assert world.first.offer() is None


def test_of_20_parallel_uses_of_the_token_one_succeeds(world: World) -> None:
    token = offer(world)
    answers, failures = at_once(
        20, lambda n: world.first.redeem(token, {"email": f"root{n}@example.test"}, PASSWORD)
    )
    assert len(answers) == 1
    assert len(failures) == 19
    assert {one.code for one in failures} <= {"administrator_exists", "conflict"}
    made = [
        n for n in range(20)
        if world.records.find_unique(
            world.catalog.get("users"), ("email",), (f"root{n}@example.test",)
        )
    ]  # fmt: skip
    assert len(made) == 1


@pytest.mark.parametrize(
    "token", ["", "wrong", "A" * 43, "é" * 43, "\ud800", "x" * 100_000],
    ids=["empty", "short", "guess", "not-ascii", "surrogate", "long"],
)  # fmt: skip
@pytest.mark.parametrize("offered", [True, False])
def test_a_wrong_token_makes_nobody(token: str, offered: bool) -> None:
    world = World()
    if offered:
        offer(world)
    assert refused(lambda: world.first.redeem(token, VALUES, PASSWORD)) == (401, "invalid_token")
    assert refused(lambda: world.accounts.sign_in(VALUES["email"], PASSWORD))[0] == 401


def test_failures_do_not_spend_the_token(world: World) -> None:
    world.ann()
    token = offer(world)
    attempts = {
        "bad fields": ({"email": "root"}, "short", (422, "validation_failed")),
        "taken": ({"email": EMAIL}, PASSWORD, (409, "unique_violation")),
        "unknown field": ({**VALUES, "admin": True}, PASSWORD, (422, "validation_failed")),
    }
    for values, password, outcome in attempts.values():
        call = lambda: world.first.redeem(token, values, password)  # noqa: B023, E731
        assert refused(call) == outcome
    assert world.first.redeem(token, VALUES, PASSWORD)


def test_a_newer_offer_replaces_the_older(world: World) -> None:
    older, newer = offer(world), offer(world)
    assert refused(lambda: world.first.redeem(older, VALUES, PASSWORD)) == (401, "invalid_token")
    assert world.first.redeem(newer, VALUES, PASSWORD)


def test_an_offer_runs_out(world: World) -> None:
    token = offer(world)
    world.now += OFFER_SECONDS
    assert refused(lambda: world.first.redeem(token, VALUES, PASSWORD)) == (401, "invalid_token")
    assert world.first.redeem(offer(world), VALUES, PASSWORD)


def test_the_operator_who_lost_the_way_in_gets_another(world: World) -> None:
    world.first.redeem(offer(world), VALUES, PASSWORD)
    assert world.first.offer() is None
    token = offer(world, again=True)
    assert refused(lambda: world.first.redeem("x", {"email": EMAIL}, PASSWORD)) == (
        401,
        "invalid_token",
    )
    answer = world.first.redeem(token, {"email": EMAIL}, PASSWORD)
    assert answer.user["roles"] == ["admin"]


def test_the_token_is_kept_hashed() -> None:
    world = World()
    token = offer(world)
    assert token not in repr(world.bootstrap_kept)


def test_guessing_is_stopped() -> None:
    world = World()
    offer(world)
    guess = lambda: world.first.redeem("guess", VALUES, PASSWORD, place=Place("1.2.3.4"))  # noqa: E731
    assert [refused(guess)[0] for _ in range(31)] == [401] * 30 + [429]
