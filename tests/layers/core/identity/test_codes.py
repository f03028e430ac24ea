"""Signing in by mail: codes and links, in memory and over the data engine."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from covey.errors import CoveyError
from covey.identity.accounts import SignedIn
from covey.identity.challenges import Purpose
from covey.identity.flows import CODE, MAGIC
from covey.identity.ports import Place
from covey.identity.principal import Kind, Principal
from covey.identity.throttle import CODE_READER, CODE_USER
from tests.layers.core.identity.world import EMAIL, PASSWORD, World, at_once

ROOT = Principal(Kind.ADMINISTRATOR, "root")
BOTH = pytest.mark.parametrize("purpose", [CODE, MAGIC], ids=lambda one: one.name)


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(CoveyError) as caught:
        call()
    return caught.value.code, caught.value.detail


def sent(world: World, purpose: Purpose) -> str:
    """The code or the link's secret of the newest letter."""
    letters = [one for one in world.mailer.sent if one.kind == purpose.name]
    found = re.search(r"\b\d{6}\b" if purpose is CODE else r"(?<=#token=)\S+", letters[-1].text)
    assert found is not None
    return found[0]


def ask(world: World, purpose: Purpose, email: str = EMAIL) -> tuple[str, str]:
    flow = world.codes.ask(purpose, email)
    return flow, sent(world, purpose)


def verified(world: World) -> str:
    user = str(world.ann().user["id"])
    world.verify()
    return user


@BOTH
def test_what_was_sent_signs_in_once(world: World, purpose: Purpose) -> None:
    user = verified(world)
    flow, secret = ask(world, purpose)
    entered = world.codes.redeem(purpose, flow, secret)
    assert isinstance(entered, SignedIn)
    assert entered.user["id"] == user
    assert [one.means for one in world.sessions.of(user)].count(purpose.name) == 1
    assert refused(lambda: world.codes.redeem(purpose, flow, secret))[0] == "invalid_token"
    kinds = [event.kind for event in world.audit.newest(5)]
    assert kinds.count("signed_in") == 1
    assert "sign_in_failed" in kinds


@BOTH
def test_users_without_a_password_sign_in(world: World, purpose: Purpose) -> None:
    user = verified(world)
    account = world.accounts_kept.get(user)
    assert account is not None
    assert world.accounts_kept.change(account, replace(account, password=""))
    assert world.codes.redeem(purpose, *ask(world, purpose))


@BOTH
def test_failures_are_one(world: World, purpose: Purpose) -> None:
    user = verified(world)
    other = {CODE: MAGIC, MAGIC: CODE}[purpose]
    flow, secret = ask(world, purpose)
    unknown = world.codes.ask(purpose, "nobody@example.test")
    strange = [
        "",
        "000000",
        "\x00" * 6,
        "٠١٢٣٤٥",
        "１２３４５６",
        "\ud800",
        secret[:-1],
        secret + "0",
        "9" * 100_000,
        "é",
    ]
    answers = {refused(lambda: world.codes.redeem(purpose, unknown, one)) for one in strange}  # noqa: B023
    answers |= {refused(lambda: world.codes.redeem(purpose, one, secret)) for one in strange}  # noqa: B023
    answers.add(refused(lambda: world.codes.redeem(purpose, unknown, secret)))
    answers.add(refused(lambda: world.codes.redeem(other, flow, secret)))
    answers |= {refused(lambda: world.codes.redeem(purpose, flow, one)) for one in strange[:4]}  # noqa: B023
    world.administration.disable(ROOT, user)
    answers.add(refused(lambda: world.codes.redeem(purpose, flow, secret)))
    assert len(answers) == 1
    assert answers.pop()[0] == "invalid_token"


@BOTH
def test_a_flow_has_five_guesses(world: World, purpose: Purpose) -> None:
    verified(world)
    flow, secret = ask(world, purpose)
    wrong = {CODE: f"{(int(secret) + 1) % 10**6:06d}"} if purpose is CODE else {MAGIC: "x" * 43}
    for _ in range(5):
        refused(lambda: world.codes.redeem(purpose, flow, wrong[purpose]))
    assert refused(lambda: world.codes.redeem(purpose, flow, secret))[0] == "invalid_token"


@BOTH
def test_the_fifth_guess_still_counts(world: World, purpose: Purpose) -> None:
    verified(world)
    flow, secret = ask(world, purpose)
    for _ in range(4):
        refused(lambda: world.codes.redeem(purpose, flow, "wrong"))
    assert world.codes.redeem(purpose, flow, secret)


@BOTH
def test_flows_of_known_and_unknown_addresses_are_kept_alike(
    world: World, purpose: Purpose
) -> None:
    verified(world)
    known, unknown = ask(world, purpose)[0], world.codes.ask(purpose, "nobody@example.test")
    for flow in (known, unknown):
        assert [world.flows.guess(purpose, flow) is not None for _ in range(5)] == [True] * 5
        assert refused(lambda: world.flows.guess(purpose, flow))[0] == "invalid_token"  # noqa: B023


@BOTH
def test_time_runs_out(world: World, purpose: Purpose) -> None:
    verified(world)
    flow, secret = ask(world, purpose)
    world.now += purpose.seconds
    assert refused(lambda: world.codes.redeem(purpose, flow, secret))[0] == "invalid_token"


@BOTH
def test_of_many_at_once_one_signs_in(world: World, purpose: Purpose) -> None:
    verified(world)
    flow, secret = ask(world, purpose)
    # Guesses are counted first, so that more than five callers do not even compete.
    done, failed = at_once(20, lambda _: world.codes.redeem(purpose, flow, secret))
    assert len(done) == 1
    assert {one.code for one in failed} == {"invalid_token"}


@BOTH
def test_a_letter_that_comes_twice_keeps_the_guesses_and_revives_nothing(
    world: World, purpose: Purpose
) -> None:
    verified(world)
    flow, first = ask(world, purpose)
    for _ in range(3):
        refused(lambda: world.codes.redeem(purpose, flow, "wrong"))
    order = {"flow": flow, "email": EMAIL, "until": int(world.now) + 60}
    world.post.order(purpose.name, **order)
    second = sent(world, purpose)
    refused(lambda: world.codes.redeem(purpose, flow, first))
    assert world.codes.redeem(purpose, flow, second)
    count = len(world.mailer.sent)
    world.post.order(purpose.name, **order)
    world.post.order(purpose.name, flow=world.flows.new(), email=EMAIL, until=int(world.now))
    assert len(world.mailer.sent) == count


@BOTH
def test_an_address_that_changed_hands_signs_nobody_in(world: World, purpose: Purpose) -> None:
    verified(world)
    entered = world.sign_in()
    caller = world.caller(f"Bearer {entered.access_token}")
    flow, secret = ask(world, purpose)
    world.credentials.ask_email_change(caller, "new@example.test", PASSWORD)
    world.addresses.change(world.link("change_email"))
    assert refused(lambda: world.codes.redeem(purpose, flow, secret))[0] == "invalid_token"


@BOTH
def test_who_proves_an_address_first_is_rid_of_what_others_set(
    world: World, purpose: Purpose
) -> None:
    """A stranger signed up with the address of somebody else, and waits."""
    stranger = world.ann()
    entered = world.codes.redeem(purpose, *ask(world, purpose))
    assert isinstance(entered, SignedIn)
    assert entered.user["id"] == stranger.user["id"]
    assert entered.user["verified"] is True
    assert refused(lambda: world.accounts.sign_in(EMAIL, PASSWORD))[0] == "invalid_credentials"
    header = f"Bearer {stranger.access_token}"
    assert refused(lambda: world.caller(header))[0] == "invalid_token"
    assert world.caller(f"Bearer {entered.access_token}").id == stranger.user["id"]


def test_letters_are_limited_alike_for_all_addresses(world: World) -> None:
    verified(world)
    for email in (EMAIL, "nobody@example.test"):
        for number in range(CODE_READER.attempts):
            world.codes.ask(CODE, email, Place(f"192.0.2.{number}"))
        assert refused(lambda: world.codes.ask(CODE, email.upper()))[0] == "rate_limited"  # noqa: B023
    place = Place("198.51.100.7")
    for _ in range(5):
        world.codes.ask(CODE, "other@example.test", place)
    assert refused(lambda: world.codes.ask(CODE, "other@example.test", place))
    world.codes.ask(CODE, "other@example.test", Place("198.51.100.8"))


def test_guesses_over_many_flows_are_counted_for_the_user_and_not_told(world: World) -> None:
    user = verified(world)
    for _ in range(CODE_USER.attempts):
        world.throttle.take(CODE_USER, user)
    flow, code = ask(world, CODE)
    assert refused(lambda: world.codes.redeem(CODE, flow, code))[0] == "invalid_token"
    assert "codes_throttled" in [event.kind for event in world.audit.newest(3)]
    assert world.codes.redeem(MAGIC, *ask(world, MAGIC)), "a link cannot be guessed"


@pytest.mark.parametrize(
    "email", ["", "no address", "a" * 10_000, "ann@example.test\nBcc: x", "\x00"]
)
def test_what_is_no_address_gets_a_flow_and_no_letter(world: World, email: str) -> None:
    assert world.codes.ask(CODE, email)
    assert not world.mailer.sent


def test_nothing_kept_tells_the_code(world: World) -> None:
    verified(world)
    flow, code = ask(world, CODE)
    kept: Any = getattr(world.flows_kept, "flows", None)
    if kept is not None:
        assert flow not in repr(kept)
        assert code not in repr([one.value.get("secret") for one in kept.values()])
