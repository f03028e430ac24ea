"""Signing up, in, on and out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from argon2 import PasswordHasher

from covey.errors import CoveyError, Invalid, Unauthenticated
from covey.identity.accounts import USERS
from covey.identity.ports import Account, Place
from covey.identity.principal import GUEST, Kind, Principal
from covey.records.ids import created_of
from covey.records.model import Record
from tests.layers.core.identity.world import EMAIL, PASSWORD, World, at_once

ADMINISTRATOR = Principal(Kind.ADMINISTRATOR, id="root", roles=("admin",), session="s")
SOMEBODY = Principal(Kind.USER, id="u9", session="s")


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(CoveyError) as failure:
        call()
    return failure.value.status, failure.value.code


def kept(world: World, email: str) -> Record | None:
    users = world.catalog.get(USERS)
    id = world.records.find_unique(users, ("email",), (email,))
    return world.records.get(users, id, consistent=True) if id else None


def written(world: World, values: dict[str, Any], **account: Any) -> Record:
    """A user with an account, as some other part of Covey would write it."""
    users = world.catalog.get(USERS)
    id = world.records.new_id(users)
    user = Record(id, created_of(id), created_of(id), 1, values)
    entry = world.accounts_kept.creation(Account(user=id, created=0, **account))
    world.records.create(users, user, also=[entry])
    return user


# ---- sign up


def test_signing_up_makes_a_user_who_is_signed_in(world: World) -> None:
    answer = world.ann(name="Ann")
    assert answer.document().keys() == {
        "user", "access_token", "refresh_token", "token_type", "expires_in"
    }  # fmt: skip
    user = kept(world, EMAIL)
    assert user is not None
    assert dict(user.values) == {"email": EMAIL, "name": "Ann", "verified": False}
    assert answer.user == user.document()
    caller = world.caller(f"Bearer {answer.access_token}")
    assert (caller.kind, caller.id, caller.roles) == (Kind.USER, user.id, ())
    assert world.accounts.me(caller) == user.document()
    assert world.accounts.refresh(answer.refresh_token).user == user.document()


def test_no_password_is_kept_or_answered(world: World) -> None:
    answer = world.ann()
    assert "password" not in str(answer.user)
    account = world.accounts_kept.get(answer.user["id"])
    assert account is not None
    assert account.password.startswith("$argon2id$")
    assert PASSWORD not in repr(account)


@pytest.mark.parametrize("again", [EMAIL, EMAIL.upper(), "Ann@Example.Test"])
def test_an_email_signs_up_once_however_it_is_capitalised(world: World, again: str) -> None:
    world.ann()
    assert refused(lambda: world.accounts.sign_up({"email": again}, "another password")) == (
        409,
        "unique_violation",
    )
    assert world.accounts.sign_in(EMAIL, PASSWORD)


@pytest.mark.parametrize(
    "alike", ["\u212aate@example.test", "kate@example.test\u212a", "\u0430nn@example.test"]
)
def test_a_letter_that_only_looks_alike_is_no_address(world: World, alike: str) -> None:
    code = "validation_failed"
    assert refused(lambda: world.accounts.sign_up({"email": alike}, PASSWORD)) == (422, code)


def test_of_parallel_sign_ups_with_one_email_one_succeeds(world: World) -> None:
    answers, failures = at_once(8, lambda _: world.ann())
    assert len(answers) == 1
    assert {(one.status, one.code) for one in failures} == {(409, "unique_violation")}


@pytest.mark.parametrize(
    ("values", "password", "faults"),
    [
        pytest.param({}, PASSWORD, {"email": "required"}, id="no-email"),
        pytest.param({"email": None}, PASSWORD, {"email": "required"}, id="email-null"),
        pytest.param({"email": 1}, PASSWORD, {"email": "wrong_type"}, id="email-a-number"),
        pytest.param({"email": "ann"}, PASSWORD, {"email": "invalid_email"}, id="email-a-word"),
        pytest.param({"email": EMAIL}, None, {"password": "required"}, id="no-password"),
        pytest.param({"email": EMAIL}, 12345678, {"password": "wrong_type"}, id="a-number"),
        pytest.param({"email": EMAIL}, "short", {"password": "too_short"}, id="short-password"),
        pytest.param({"email": EMAIL}, EMAIL.upper(), {"password": "too_common"}, id="its-email"),
        pytest.param(
            {"email": EMAIL, "nam": "Ann"}, PASSWORD, {"nam": "unknown_field"}, id="unknown-field"
        ),
        pytest.param(
            {"email": EMAIL, "id": "me"}, PASSWORD, {"id": "read_only"}, id="system-field"
        ),
        pytest.param(
            {"email": "ann", "nam": 1, "name": 1},
            "",
            {"email": "invalid_email", "nam": "unknown_field", "name": "wrong_type",
             "password": "too_short"},
            id="all-at-once",
        ),
    ],
)  # fmt: skip
def test_bad_fields_are_told_and_change_nothing(
    values: dict[str, Any], password: object, faults: dict[str, str]
) -> None:
    world = World()
    with pytest.raises(Invalid) as failure:
        world.accounts.sign_up(values, password)
    assert {fault.field: fault.code for fault in failure.value.errors} == faults
    assert kept(world, EMAIL) is None


@pytest.mark.parametrize(
    "values",
    [{"roles": ["admin"]}, {"verified": True}, {"roles": []}],
    ids=["role-admin", "verified", "no-roles"],
)
def test_nobody_gives_themselves_what_administrators_give(values: dict[str, Any]) -> None:
    world = World()
    assert refused(lambda: world.ann(**values)) == (403, "field_write_denied")
    assert kept(world, EMAIL) is None


def test_an_administrator_signs_up_others_with_roles() -> None:
    world = World()
    values = {"email": EMAIL, "roles": ["editor"]}
    answer = world.accounts.sign_up(values, PASSWORD, caller=ADMINISTRATOR)
    assert world.tokens.verify(answer.access_token).roles == ("editor",)


@pytest.mark.parametrize(
    ("rule", "caller", "outcome"),
    [
        pytest.param("false", GUEST, (401, "unauthenticated"), id="closed-to-guests"),
        pytest.param("false", SOMEBODY, (403, "rule_denied"), id="closed-to-users"),
        pytest.param("false", ADMINISTRATOR, None, id="closed-but-for-administrators"),
        pytest.param("email.endsWith('@example.test')", GUEST, None, id="this-domain"),
        pytest.param(
            "email.endsWith('@covey.test')", GUEST, (403, "rule_denied"), id="another-domain"
        ),
        pytest.param("true", GUEST, None, id="open"),
    ],
)
def test_the_create_rule_of_users_decides_who_signs_up(
    rule: str, caller: Principal, outcome: tuple[int, str] | None
) -> None:
    world = World()
    world.users({"rules": {"read": "auth != null", "create": rule}})

    def call() -> object:
        return world.accounts.sign_up({"email": EMAIL}, PASSWORD, caller=caller)

    if outcome is None:
        assert call()
    else:
        assert refused(call) == outcome
        assert kept(world, EMAIL) is None


def test_a_hidden_field_is_not_answered_even_to_its_owner() -> None:
    world = World()
    world.users({"fields": {"note": {"type": "text", "default": "secret", "read": "false"}}})
    assert "note" not in world.ann().user


def test_an_owner_who_may_not_read_gets_the_id_alone() -> None:
    world = World()
    world.users({"rules": {"read": "false"}})
    assert world.ann().user.keys() == {"id"}


# ---- sign in


@pytest.mark.parametrize("email", [EMAIL, EMAIL.upper(), "ann@EXAMPLE.test"])
def test_signing_in_opens_a_session_of_its_own(world: World, email: str) -> None:
    first = world.ann()
    second = world.sign_in(email, PASSWORD)
    assert second.user == first.user
    sessions = {world.tokens.verify(one.access_token).session for one in (first, second)}
    assert len(sessions) == 2


def test_an_address_written_with_capitals_signs_in_as_written(world: World) -> None:
    from covey.identity.passwords import digest

    user = written(world, {"email": "Ann@example.test"}, password=digest(PASSWORD))
    assert world.sign_in("Ann@example.test", PASSWORD).user["id"] == user.id


def test_failures_to_sign_in_are_one(world: World) -> None:
    from covey.identity.passwords import digest

    world.ann()
    hashed = digest(PASSWORD)
    written(world, {"email": "off@example.test"}, password=hashed, disabled=True)
    attempts = {
        "unknown": ("nobody@example.test", PASSWORD),
        "wrong": (EMAIL, "wrong password"),
        "empty": (EMAIL, ""),
        "almost": (EMAIL, PASSWORD + " "),
        "long": (EMAIL, "x" * 1000),
        "nul": (EMAIL, PASSWORD + "\0"),
        "surrogate": (EMAIL, "\ud800"),
        "disabled": ("off@example.test", PASSWORD),
        "no address": ("nobody", PASSWORD),
        "surrogate address": ("\ud800@example.test", PASSWORD),
        "a long address": ("a" * 100_000 + "@example.test", PASSWORD),
    }
    failures = set()
    for email, password in attempts.values():
        with pytest.raises(Unauthenticated) as failure:
            world.accounts.sign_in(email, password)
        failures.add((failure.value.code, failure.value.detail, str(failure.value.headers)))
    assert len(failures) == 1
    assert failures.pop()[0] == "invalid_credentials"


def test_a_user_without_an_account_cannot_sign_in(world: World) -> None:
    users = world.catalog.get(USERS)
    id = world.records.new_id(users)
    world.records.create(users, Record(id, created_of(id), created_of(id), 1, {"email": EMAIL}))
    outcome = refused(lambda: world.accounts.sign_in(EMAIL, PASSWORD))
    assert outcome == (401, "invalid_credentials")


def test_a_hash_of_other_parameters_is_renewed_at_sign_in(world: World) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    user = written(world, {"email": EMAIL}, password=weak)
    refused(lambda: world.accounts.sign_in(EMAIL, "wrong password"))
    account = world.accounts_kept.get(user.id)
    assert account is not None
    assert account.password == weak
    world.accounts.sign_in(EMAIL, PASSWORD)
    account = world.accounts_kept.get(user.id)
    assert account is not None
    assert "m=19456,t=2,p=1" in account.password
    assert world.accounts.sign_in(EMAIL, PASSWORD)


def test_roles_take_hold_with_the_next_token(world: World) -> None:
    from covey.identity.passwords import digest

    written(world, {"email": EMAIL, "roles": ["admin"]}, password=digest(PASSWORD))
    answer = world.sign_in(EMAIL, PASSWORD)
    caller = world.caller(f"Bearer {answer.access_token}")
    assert caller.kind is Kind.ADMINISTRATOR


# ---- refresh


def test_a_refresh_token_is_good_for_one_use(world: World) -> None:
    first = world.ann()
    second = world.accounts.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    third = world.accounts.refresh(second.refresh_token)
    sessions = {world.tokens.verify(one.access_token).session for one in (first, second, third)}
    assert len(sessions) == 1


@pytest.mark.parametrize("rotations", [1, 2, 5])
def test_a_used_token_ends_the_session_however_old(world: World, rotations: int) -> None:
    stolen = newest = world.ann()
    for _ in range(rotations):
        newest = world.accounts.refresh(newest.refresh_token)
    other = world.sign_in(EMAIL, PASSWORD)
    for token in (stolen, newest):
        assert refused(lambda token=token: world.accounts.refresh(token.refresh_token)) == (  # type: ignore[misc]
            401,
            "invalid_token",
        )
    assert world.accounts.refresh(other.refresh_token)


def test_of_20_parallel_uses_of_a_refresh_token_one_succeeds_and_the_session_ends(
    world: World,
) -> None:
    token = world.ann().refresh_token
    answers, failures = at_once(20, lambda _: world.accounts.refresh(token))
    assert len(answers) == 1
    assert {one.code for one in failures} == {"invalid_token"}
    assert refused(lambda: world.accounts.refresh(answers[0].refresh_token)) == (
        401,
        "invalid_token",
    )


GARBAGE: dict[str, Callable[[str], str]] = {
    "empty": lambda token: "",
    "a dot": lambda token: ".",
    "the session alone": lambda token: token.partition(".")[0],
    "the session and a dot": lambda token: token.partition(".")[0] + ".",
    "another session": lambda token: "A" * 22 + token[22:],
    "a guessed family and secret": lambda token: token[:23] + "A" * 65,
    "a guessed family": lambda token: token[:23] + "A" * 22 + token[45:],
    "cut": lambda token: token[:-1],
    "longer": lambda token: token + "A",
    "a line break": lambda token: token + "\n",
    "not ASCII": lambda token: token[:-1] + "é",
    "digits of another script": lambda token: "٣" * len(token),
    "a lone surrogate": lambda token: token[:-1] + "\ud800",
    "a key of another kind": lambda token: "!session." + token,
    "a megabyte": lambda token: token * 10_000,
}


@pytest.mark.parametrize("garble", GARBAGE.values(), ids=GARBAGE.keys())
def test_a_guess_is_refused_and_ends_nothing(garble: Callable[[str], str]) -> None:
    world = World()
    token = world.ann().refresh_token
    for call in (world.accounts.refresh, world.accounts.sign_out_by_token):
        assert refused(lambda call=call: call(garble(token))) == (401, "invalid_token")  # type: ignore[misc]
    assert world.accounts.refresh(token)


def test_a_session_runs_out_swept_or_not(world: World) -> None:
    answer = world.ann()
    world.now += 3599
    answer = world.accounts.refresh(answer.refresh_token)
    world.now += 3600
    assert refused(lambda: world.accounts.refresh(answer.refresh_token)) == (401, "invalid_token")


@pytest.mark.parametrize("gone", ["user", "account", "disabled"])
def test_a_user_who_is_gone_or_disabled_is_not_continued(gone: str) -> None:
    world = World()
    answer = world.ann()
    id = answer.user["id"]
    accounts: dict[str, Account] = world.accounts_kept.accounts  # type: ignore[attr-defined]
    if gone == "user":
        del world.records.records[id]  # type: ignore[attr-defined]
    elif gone == "account":
        del accounts[id]
    else:
        accounts[id] = replace(accounts[id], disabled=True)
    assert refused(lambda: world.accounts.refresh(answer.refresh_token)) == (401, "invalid_token")


# ---- sign out, me


def test_signing_out_ends_this_session_alone(world: World) -> None:
    here, there = world.ann(), world.sign_in(EMAIL, PASSWORD)
    caller = world.caller(f"Bearer {here.access_token}")
    world.accounts.sign_out(caller)
    world.accounts.sign_out(caller)
    assert refused(lambda: world.accounts.refresh(here.refresh_token)) == (401, "invalid_token")
    assert world.accounts.refresh(there.refresh_token)


def test_a_refresh_token_signs_out_when_spent_too(world: World) -> None:
    first = world.ann()
    newest = world.accounts.refresh(first.refresh_token)
    world.accounts.sign_out_by_token(first.refresh_token)
    assert refused(lambda: world.accounts.refresh(newest.refresh_token)) == (401, "invalid_token")


def test_a_guest_has_nothing_to_sign_out_of_and_no_self() -> None:
    world = World()
    assert refused(lambda: world.accounts.sign_out(GUEST)) == (401, "unauthenticated")
    assert refused(lambda: world.accounts.me(GUEST)) == (401, "unauthenticated")


def test_a_token_of_a_user_who_is_gone_shows_nobody() -> None:
    world = World()
    assert refused(lambda: world.accounts.me(SOMEBODY)) == (401, "invalid_token")


# ---- limits


def test_guessing_is_stopped_and_the_right_password_then_too(world: World) -> None:
    world.ann()
    wrong = lambda: world.accounts.sign_in(EMAIL, "wrong password", place=Place("1.2.3.4"))  # noqa: E731
    outcomes = [refused(wrong) for _ in range(10)]
    assert set(outcomes) == {(401, "invalid_credentials")}
    assert refused(wrong) == (429, "rate_limited")
    right = lambda address: world.accounts.sign_in(EMAIL, PASSWORD, place=Place(address))  # noqa: E731
    assert refused(lambda: right("1.2.3.4")) == (429, "rate_limited")
    assert right("5.6.7.8")
    world.now += 900
    assert right("1.2.3.4")


def test_the_limit_does_not_tell_which_emails_are_known() -> None:
    known, unknown = World(), World()
    known.ann()
    assert [
        [refused(lambda: w.accounts.sign_in(EMAIL, "wrong password")) for _ in range(12)]  # noqa: B023
        for w in (known, unknown)
    ] == [[(401, "invalid_credentials")] * 10 + [(429, "rate_limited")] * 2] * 2


def test_capitals_and_spare_addresses_do_not_widen_an_accounts_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from covey.identity import throttle

    monkeypatch.setattr(throttle, "SIGN_IN_ACCOUNT", replace(throttle.SIGN_IN_ACCOUNT, attempts=4))
    world = World()
    outcomes = [
        refused(lambda: world.accounts.sign_in(email, "wrong password", place=Place(str(n))))  # noqa: B023
        for n, email in enumerate([EMAIL, EMAIL.upper(), "Ann@example.test", EMAIL, EMAIL.title()])
    ]
    assert outcomes[-2:] == [(401, "invalid_credentials"), (429, "rate_limited")]


def test_whoever_signs_in_rightly_is_never_stopped(world: World) -> None:
    world.ann()
    for _ in range(12):
        assert world.accounts.sign_in(EMAIL, PASSWORD, place=Place("1.2.3.4"))


def test_a_refusal_says_when_to_come_back() -> None:
    from covey.identity.throttle import Limit

    world = World()
    world.now = 1000.5
    limit = Limit("test", 1, 60)
    world.throttle.take(limit, "who")
    with pytest.raises(CoveyError) as failure:
        world.throttle.take(limit, "who")
    assert failure.value.headers == {"Retry-After": "20"}
    world.throttle.take(limit, "somebody else")
    world.now += 20
    world.throttle.take(limit, "who")


def test_the_table_holds_neither_addresses_nor_emails_of_attempts() -> None:
    world = World()
    refused(lambda: world.accounts.sign_in(EMAIL, PASSWORD, place=Place("203.0.113.99")))
    counted = repr(world.attempts_kept)
    assert "203.0.113.99" not in counted
    assert EMAIL not in counted
