"""Passwords that hold the user's own name, wherever one is chosen."""

from __future__ import annotations

import pytest

from covey.errors import Invalid, Unauthenticated
from tests.layers.core.identity.world import PASSWORD, World, at_once

NAMED = "lovelace forever"
LETTERED = "augusta.ada forever"
EMAIL = "augusta.ada@example.test"


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("password", [NAMED, LETTERED])
def test_signing_up_refuses_it(world: World, password: str) -> None:
    with pytest.raises(Invalid) as caught:
        world.accounts.sign_up({"email": EMAIL, "name": "Ada Lovelace"}, password)
    assert [(one.field, one.code) for one in caught.value.errors] == [("password", "too_personal")]


def test_changing_refuses_it(world: World) -> None:
    made = world.accounts.sign_up({"email": EMAIL, "name": "Ada Lovelace"}, PASSWORD)
    assert made is not None
    caller = world.caller(f"Bearer {made.access_token}")
    with pytest.raises(Invalid):
        world.credentials.change(caller, PASSWORD, NAMED)
    assert world.caller(f"Bearer {made.access_token}") == caller


def test_resetting_refuses_it_and_the_link_still_holds_once(world: World) -> None:
    world.accounts.sign_up({"email": EMAIL, "name": "Ada Lovelace"}, PASSWORD)
    world.credentials.ask_reset(EMAIL)
    secret = world.link("reset")
    for _ in range(2):
        with pytest.raises(Invalid):
            world.credentials.reset(secret, NAMED)
    done, failed = at_once(8, lambda _: world.credentials.reset(secret, "another horse battery"))
    assert len(done) == 1
    assert {type(error) for error in failed} == {Unauthenticated}
