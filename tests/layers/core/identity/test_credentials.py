"""Passwords changed and reset, addresses proven and changed, accounts disabled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pyotp
import pytest

from covey.errors import Conflict, CoveyError, Invalid, TooManyRequests, Unauthenticated
from covey.identity import throttle
from covey.identity.accounts import SignedIn
from covey.identity.departures import Departures
from covey.identity.ports import Place
from covey.identity.principal import GUEST, Kind, Principal
from covey.records.model import Change, ChangeKind
from covey.testing.federation import MemoryIdentityStore
from tests.layers.core.identity.world import EMAIL, PASSWORD, World, at_once

NEW = "another horse entirely"
ROOT = Principal(Kind.ADMINISTRATOR, id="root")


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(CoveyError) as failure:
        call()
    return failure.value.code


def kinds(world: World) -> list[str]:
    return [event.kind for event in reversed(world.audit.newest(50))]


def test_a_changed_password_ends_all_other_sessions(world: World) -> None:
    here, there = world.ann(), world.sign_in(EMAIL, PASSWORD)
    caller = world.caller(f"Bearer {here.access_token}")
    fresh = world.credentials.change(caller, PASSWORD, NEW)
    for old in (here, there):
        assert refused(lambda: world.caller(f"Bearer {old.access_token}")) == "invalid_token"  # noqa: B023
        assert refused(lambda: world.accounts.refresh(old.refresh_token)) == "invalid_token"  # noqa: B023
    assert world.caller(f"Bearer {fresh.access_token}").id == caller.id
    assert refused(lambda: world.accounts.sign_in(EMAIL, PASSWORD)) == "invalid_credentials"
    assert world.accounts.sign_in(EMAIL, NEW)
    assert world.mailer.sent[-1].kind == "password_changed"
    assert "password_changed" in kinds(world)


def test_a_password_is_changed_by_who_knows_it(world: World) -> None:
    caller = world.caller(f"Bearer {world.ann().access_token}")
    wrong = lambda: world.credentials.change(caller, "wrong password", NEW)  # noqa: E731
    assert refused(wrong) == "invalid_credentials"
    with pytest.raises(Unauthenticated):
        world.credentials.change(GUEST, PASSWORD, NEW)
    for bad in ("short", "password123", EMAIL, "x" * 300, "nul\0nul\0nul"):
        with pytest.raises(Invalid) as invalid:
            world.credentials.change(caller, PASSWORD, bad)
        assert [error.field for error in invalid.value.errors] == ["new_password"]
    assert world.accounts.sign_in(EMAIL, PASSWORD)


def test_a_forgotten_password_is_reset_by_mail(world: World) -> None:
    signed_in = world.ann()
    world.credentials.ask_reset(EMAIL)
    secret = world.link("reset")
    with pytest.raises(Invalid):
        world.credentials.reset(secret, "short")
    world.credentials.reset(secret, NEW)
    assert world.sign_in(EMAIL, NEW).user["verified"] is True
    assert refused(lambda: world.accounts.refresh(signed_in.refresh_token)) == "invalid_token"
    assert refused(lambda: world.credentials.reset(secret, NEW)) == "invalid_token"


def test_who_resets_an_unproven_address_gets_the_account_bare() -> None:
    world = World()
    squatter = world.ann()
    cleared: list[str] = []
    world.reclaiming._forget = [cleared.append]
    world.credentials.ask_reset(EMAIL)
    world.credentials.reset(world.link("reset"), NEW)
    assert cleared == [squatter.user["id"]]
    assert "credentials_removed" in kinds(world)
    world.credentials.ask_reset(EMAIL)
    world.credentials.reset(world.link("reset"), PASSWORD)
    assert len(cleared) == 1  # what an owner has added since stays


def test_of_twenty_resets_by_one_link_one_succeeds(world: World) -> None:
    world.ann()
    world.credentials.ask_reset(EMAIL)
    secret = world.link("reset")
    done, failed = at_once(20, lambda n: world.credentials.reset(secret, f"{NEW} {n}"))
    assert len(done) == 1
    assert {error.code for error in failed} == {"invalid_token"}


def test_asking_never_tells_who_is_known() -> None:
    world = World()
    world.ann()
    sent = len(world.mailer.sent)
    for unknown in ("nobody@example.test", "no address", "", "a" * 5000, "\0", "\ud800"):
        world.credentials.ask_reset(unknown)
    assert len(world.mailer.sent) == sent


def test_letters_to_one_reader_are_few() -> None:
    world = World()
    for _ in range(5):
        world.credentials.ask_reset(EMAIL, Place("192.0.2.1"))
    with pytest.raises(TooManyRequests):
        world.credentials.ask_reset(EMAIL.upper(), Place("192.0.2.2"))


def test_a_link_to_an_address_that_changed_does_not_hold(world: World) -> None:
    caller = world.caller(f"Bearer {world.ann().access_token}")
    world.credentials.ask_reset(EMAIL)
    reset = world.link("reset")
    world.credentials.ask_email_change(caller, "new@example.test", PASSWORD)
    world.addresses.change(world.link("change_email"))
    assert refused(lambda: world.credentials.reset(reset, NEW)) == "invalid_token"
    assert refused(lambda: world.accounts.sign_in(EMAIL, PASSWORD)) == "invalid_credentials"
    assert world.accounts.sign_in("new@example.test", PASSWORD)


def test_an_address_is_verified_by_the_letter_of_the_sign_up(world: World) -> None:
    assert world.ann().user["verified"] is False
    secret = world.link("verify")
    caller = world.caller(f"Bearer {world.sign_in().access_token}")
    world.credentials.verify(caller, secret)
    assert world.sign_in(EMAIL, PASSWORD).user["verified"] is True
    assert refused(lambda: world.credentials.verify(caller, secret)) == "invalid_token"


def test_who_opens_the_link_elsewhere_gives_the_password(world: World) -> None:
    user = world.ann().user["id"]
    secret = world.link("verify")

    def verify(caller: Principal = GUEST, **given: str) -> None:
        world.credentials.verify(caller, secret, **given)

    assert refused(verify) == "password_required"
    bob = world.accounts.sign_up({"email": "bob@example.test"}, PASSWORD)
    assert bob is not None
    another = world.caller(f"Bearer {bob.access_token}")
    assert refused(lambda: verify(another)) == "password_required"
    inside = replace(another, id=user, actor="root")
    assert refused(lambda: verify(inside)) == "password_required"
    assert refused(lambda: verify(password="a wrong battery")) == "invalid_credentials"
    assert world.sign_in().user["verified"] is False
    verify(password=PASSWORD)
    assert world.sign_in().user["verified"] is True


def test_the_owner_of_an_address_finds_nothing_of_a_stranger_who_signed_up_with_it(
    world: World,
) -> None:
    stranger = world.caller(f"Bearer {world.ann().access_token}")
    offered = world.authenticator.offer(stranger, "")
    world.authenticator.confirm(stranger, pyotp.TOTP(offered.secret).at(int(world.now)))
    secret = world.link("verify")
    with pytest.raises(Invalid):
        world.credentials.verify(GUEST, secret, new_password="12345678")
    world.credentials.verify(GUEST, secret, new_password=NEW)
    assert refused(lambda: world.accounts.sign_in(EMAIL, PASSWORD)) == "invalid_credentials"
    mine = world.accounts.sign_in(EMAIL, NEW)
    assert isinstance(mine, SignedIn), "no second factor of the stranger's is asked for"
    assert mine.user["verified"] is True
    assert len(world.sessions.of(stranger.id)) == 1


def test_a_link_to_a_proven_address_sets_no_password(world: World) -> None:
    caller = world.caller(f"Bearer {world.ann().access_token}")
    first = world.link("verify")
    world.addresses.ask_proof(caller)
    world.verify()
    refusal = refused(lambda: world.credentials.verify(GUEST, first, new_password=NEW))
    assert refusal == "invalid_token"
    assert world.sign_in(EMAIL, PASSWORD)


def test_wrong_passwords_for_a_link_count_as_those_at_the_door(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(throttle.SIGN_IN_ACCOUNT, attempts=2)
    monkeypatch.setattr(throttle, "SIGN_IN_ACCOUNT", few)
    world.ann()
    secret = world.link("verify")

    def guess() -> None:
        world.credentials.verify(GUEST, secret, password="a wrong battery")

    assert [refused(guess) for _ in range(3)] == ["invalid_credentials"] * 2 + ["rate_limited"]


def test_the_letter_can_be_had_again_until_it_is_done(world: World) -> None:
    caller = world.caller(f"Bearer {world.ann().access_token}")
    world.addresses.ask_proof(caller)
    assert [letter.kind for letter in world.mailer.sent] == ["verify", "verify"]
    world.verify()
    world.addresses.ask_proof(caller)
    assert len(world.mailer.sent) == 2


def test_both_addresses_are_told_of_a_change(world: World) -> None:
    caller = world.caller(f"Bearer {world.ann().access_token}")
    wrong = lambda: world.credentials.ask_email_change(caller, "new@example.test", "wrong one")  # noqa: E731
    assert refused(wrong) == "invalid_credentials"
    world.credentials.ask_email_change(caller, "NEW@example.test", PASSWORD)
    world.addresses.change(world.link("change_email"))
    told = [(letter.kind, letter.to) for letter in world.mailer.sent[1:]]
    assert told == [
        ("change_email", "new@example.test"),
        ("email_changing", EMAIL),
        ("email_changed", EMAIL),
    ]


def test_who_changes_to_a_taken_address_learns_nothing(world: World) -> None:
    caller = world.caller(f"Bearer {world.ann().access_token}")
    world.accounts.sign_up({"email": "bob@example.test"}, PASSWORD)
    world.credentials.ask_email_change(caller, "bob@example.test", PASSWORD)
    told = [(letter.kind, letter.to) for letter in world.mailer.sent[2:]]
    assert told == [("exists", "bob@example.test"), ("email_changing", EMAIL)]


def test_an_address_taken_meanwhile_is_a_conflict(world: World) -> None:
    caller = world.caller(f"Bearer {world.ann().access_token}")
    world.credentials.ask_email_change(caller, "bob@example.test", PASSWORD)
    world.accounts.sign_up({"email": "bob@example.test"}, PASSWORD)
    with pytest.raises(Conflict) as taken:
        world.addresses.change(world.link("change_email"))
    assert taken.value.code == "unique_violation"
    assert world.accounts.sign_in(EMAIL, PASSWORD)


@pytest.mark.parametrize("bad", ["", "no address", "a@b\r\nBcc: c@d", "a@b.c, d@e.f", "\ud800@a.b"])
def test_what_is_no_address_is_refused(bad: str) -> None:
    world = World()
    caller = world.caller(f"Bearer {world.ann().access_token}")
    with pytest.raises(Invalid):
        world.credentials.ask_email_change(caller, bad, PASSWORD)


def test_a_disabled_user_is_out_with_the_next_request(world: World) -> None:
    signed_in = world.ann()
    user = signed_in.user["id"]
    assert refused(lambda: world.administration.disable(GUEST, user)) == "unauthenticated"
    world.administration.disable(ROOT, user)
    assert refused(lambda: world.caller(f"Bearer {signed_in.access_token}")) == "invalid_token"
    assert refused(lambda: world.accounts.refresh(signed_in.refresh_token)) == "invalid_token"
    assert refused(lambda: world.accounts.sign_in(EMAIL, PASSWORD)) == "invalid_credentials"
    world.administration.enable(ROOT, user)
    assert world.accounts.sign_in(EMAIL, PASSWORD)
    assert kinds(world)[-3:] == ["sign_in_failed", "user_enabled", "signed_in"]


def test_an_administrator_does_not_disable_itself(world: World) -> None:
    user = world.ann().user["id"]
    own = Principal(Kind.ADMINISTRATOR, id=user)
    assert refused(lambda: world.administration.disable(own, user)) == "own_account"
    assert refused(lambda: world.administration.disable(ROOT, "nobody")) == "not_found"


def test_a_role_that_is_taken_away_is_gone_with_the_next_request(world: World) -> None:
    signed_in = world.ann()
    users = world.catalog.get("users")
    user = world.records.get(users, signed_in.user["id"])
    assert user is not None
    promoted = replace(user, version=2, values={**user.values, "roles": ["admin"]})
    world.records.update(users, user, promoted)
    assert world.caller(f"Bearer {signed_in.access_token}").kind is Kind.ADMINISTRATOR
    demoted = replace(promoted, version=3, values={**user.values, "roles": []})
    world.records.update(users, promoted, demoted)
    assert world.caller(f"Bearer {signed_in.access_token}").kind is Kind.USER


def test_of_a_deleted_user_nothing_stays(world: World) -> None:
    signed_in = world.ann()
    users = world.catalog.get("users")
    user = world.records.get(users, signed_in.user["id"])
    assert user is not None
    change = Change("users", user.id, 1, ChangeKind.DELETED, user, None)
    there = {user.id}
    departures = Departures(
        world.accounts_kept, world.sessions, MemoryIdentityStore(), lambda _, one: one in there
    )
    assert departures.wants(users)
    departures.apply(users, [change])  # late: the user is there again
    assert world.accounts_kept.get(user.id) is not None
    there.clear()
    for _ in range(2):
        departures.apply(users, [change])
    assert world.accounts_kept.get(user.id) is None
    assert world.sessions.of(user.id) == []


def test_by_mail_sign_up_answers_free_and_taken_addresses_alike() -> None:
    world = World(by_mail=True)
    assert world.accounts.sign_up({"email": EMAIL}, PASSWORD) is None
    assert refused(lambda: world.accounts.sign_in(EMAIL, PASSWORD)) == "invalid_credentials"
    world.verify()
    assert world.accounts.sign_in(EMAIL, PASSWORD)
    assert world.accounts.sign_up({"email": EMAIL}, "a thief's password") is None
    assert [letter.kind for letter in world.mailer.sent] == ["verify", "exists"]
    assert refused(lambda: world.accounts.sign_in(EMAIL, "a thief's password"))
    world.credentials.reset(world.link("exists"), NEW)
    assert world.accounts.sign_in(EMAIL, NEW)


def test_sessions_are_listed_with_where_they_are(world: World) -> None:
    world.ann()
    world.now += 10
    there = world.sign_in(EMAIL, PASSWORD, place=Place("192.0.2.7", "curl\n" + "x" * 999))
    user = there.user["id"]
    newest, first = world.sessions.of(user)
    assert (newest.place.address, newest.place.agent[:6]) == ("192.0.2.7", "curlxx")
    assert len(newest.place.agent) == 300
    assert world.sessions.end_all(user, but=first.id) == 1
    assert [one.id for one in world.sessions.of(user)] == [first.id]
    world.now += 4000
    assert world.sessions.of(user) == []


def test_a_password_changed_while_somebody_signs_in_ends_that_too(world: World) -> None:
    world.ann()
    user = world.sign_in(EMAIL, PASSWORD).user["id"]
    read = world.accounts_kept.get(user)
    assert read is not None
    caller = world.caller(f"Bearer {world.sign_in(EMAIL, PASSWORD).access_token}")
    world.credentials.change(caller, PASSWORD, NEW)
    assert refused(lambda: world.sessions.open(read)) == "invalid_credentials"
