"""Of 20 who use one secret in the same moment one succeeds, on the data engine.

Refresh tokens, codes, recovery codes, passkeys, the bootstrap token and the state of OAuth are
raced where they are tested; here are the links of letters, kept in the table as in production.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from covey.errors import CoveyError
from covey.identity.challenges import Challenges
from covey.store.records import DynamoRecordStore
from covey.store.transport import transport
from tests.layers.core.identity.world import EMAIL, PASSWORD, World, at_once

NEW = "seven swans a-swimming"
OTHER = "other@example.test"


@pytest.fixture
def world(table: str) -> World:
    """Ann, signed up over the table; so are the secrets of her links."""
    made = World(table)
    kept = Challenges(DynamoRecordStore(transport(), table), made.clock)
    made.challenges._store = kept._store
    return made


def reset(world: World) -> Callable[[int], object]:
    world.credentials.ask_reset(EMAIL)
    secret = world.link("reset")
    return lambda number: world.credentials.reset(secret, f"{NEW} {number}")


def verify(world: World) -> Callable[[int], object]:
    secret = world.link("verify")
    caller = world.caller(f"Bearer {world.sign_in().access_token}")
    return lambda _: world.credentials.verify(caller, secret)


def change_email(world: World) -> Callable[[int], object]:
    caller = world.caller(f"Bearer {world.sign_in().access_token}")
    world.credentials.ask_email_change(caller, OTHER, PASSWORD)
    secret = world.link("change_email")
    return lambda _: world.addresses.change(secret)


@pytest.mark.parametrize("link", [reset, verify, change_email], ids=lambda one: one.__name__)
def test_of_twenty_uses_of_a_link_one_succeeds(
    world: World, link: Callable[[World], Callable[[int], object]]
) -> None:
    world.ann()
    use = link(world)
    done, failed = at_once(20, use)
    assert len(done) == 1
    assert len(failed) == 19
    assert {one.code for one in failed} == {"invalid_token"}
    with pytest.raises(CoveyError):
        use(20)


def test_of_twenty_resets_the_password_is_that_of_the_one_that_succeeded(world: World) -> None:
    world.ann()
    use = reset(world)
    numbers: list[int] = []

    def attempt(number: int) -> None:
        use(number)
        numbers.append(number)

    at_once(20, attempt)
    assert len(numbers) == 1
    assert world.sign_in(EMAIL, f"{NEW} {numbers[0]}").access_token
