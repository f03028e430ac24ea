"""Users without credentials: made, named, swept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covey.errors import Conflict, Forbidden, Invalid, NotFound, TooManyRequests
from covey.identity.ports import Place
from covey.identity.principal import GUEST
from tests.layers.core.identity.federation.federated import ANN, Federated
from tests.layers.core.identity.world import EMAIL, PASSWORD, at_once

DAY = 86_400


def test_an_anonymous_user_has_a_role_and_no_email(world: Federated) -> None:
    made = world.nobody()
    me = world.who(made)
    assert me.roles == ("anonymous",)
    assert "email" not in made.user
    assert world.accounts.refresh(made.refresh_token).user["id"] == me.id
    assert world.nobody().user["id"] != me.id  # no address is claimed


def test_upgrading_keeps_the_id_and_the_session(world: Federated) -> None:
    made = world.nobody()
    me = world.who(made)
    world.anonymous.upgrade(me, "Ann@Example.test", PASSWORD)
    assert world.who(made).roles == ()
    assert world.sign_in().user["id"] == me.id
    assert world.link("verify")
    with pytest.raises(Conflict) as failure:
        world.anonymous.upgrade(world.who(made), EMAIL, PASSWORD)
    assert failure.value.code == "not_anonymous"


def test_of_many_upgrades_one_happens(world: Federated) -> None:
    me = world.who(world.nobody())
    emails = [f"ann{number}@example.test" for number in range(5)]
    made, _ = at_once(5, lambda number: world.anonymous.upgrade(me, emails[number], PASSWORD))
    assert len(made) == 1
    user = world.addresses.of(me.id)
    assert user is not None
    assert world.sign_in(str(user.values["email"])).user["id"] == me.id


def test_upgrades_that_are_refused_change_nothing(world: Federated) -> None:
    world.ann()
    me = world.who(world.nobody())
    for email, password, kind in (
        (EMAIL, PASSWORD, Conflict),
        ("no address", PASSWORD, Invalid),
        ("\ud800@example.test", PASSWORD, Invalid),
        ("new@example.test", "short", Invalid),
        ("new@example.test", "new@example.test", Invalid),
    ):
        with pytest.raises(kind):
            world.anonymous.upgrade(me, email, password)
    user = world.addresses.of(me.id)
    assert user is not None and "email" not in user.values
    world.users({"rules": {"read": "true", "create": "!has(email) || email.endsWith('@a.test')"}})
    with pytest.raises(Forbidden):
        world.anonymous.upgrade(me, "ann@b.test", PASSWORD)
    assert world.anonymous.upgrade(me, "ann@a.test", PASSWORD) is not None


def test_a_provider_names_an_anonymous_user(world: Federated) -> None:
    me = world.who(world.nobody())
    world.identities.link(me, ANN)
    user = world.addresses.of(me.id)
    assert user is not None
    assert (user.values["email"], user.values["verified"]) == (EMAIL, True)
    assert world.by().user["id"] == me.id
    other = world.who(world.nobody())
    taken = replace(ANN, subject="other")  # of an address that is a user's by now
    world.identities.link(other, taken)
    user = world.addresses.of(other.id)
    assert user is not None and "email" not in user.values


def test_off_is_off_and_many_are_too_many(world: Federated) -> None:
    with pytest.raises(TooManyRequests):
        for _ in range(61):
            world.anonymous.make({}, GUEST, Place("203.0.113.9"))
    world.anonymous._on = False
    with pytest.raises(Forbidden) as failure:
        world.anonymous.make({}, GUEST)
    assert failure.value.code == "anonymous_off"


def test_rules_and_write_rules_hold_for_anonymous_users_too(world: Federated) -> None:
    for values in ({"roles": ["admin"]}, {"email": EMAIL}, {"verified": True}):
        with pytest.raises(Forbidden):
            world.anonymous.make(values, GUEST)
    with pytest.raises(Invalid):
        world.anonymous.make({"unknown": 1}, GUEST)
    world.users({"rules": {"create": "false"}})
    with pytest.raises((Forbidden, NotFound)):
        world.anonymous.make({}, GUEST)


def test_who_nobody_can_be_any_more_is_swept(world: Federated) -> None:
    gone, here, named = world.nobody(), world.nobody(), world.nobody()
    world.anonymous.upgrade(world.who(named), EMAIL, PASSWORD)
    assert world.sweep.run(lambda: True) == {"anonymous_deleted": 0, "anonymous_failed": 0}
    world.now += 3000
    world.accounts.refresh(here.refresh_token)
    world.now += 3600 + DAY - 3000 + 1
    # One session was renewed late: it has ended too, but not for a day.
    assert world.sweep.run(lambda: True)["anonymous_deleted"] == 2
    assert sorted(world.deleted) == sorted([gone.user["id"], here.user["id"]])
    assert world.sweep.run(lambda: True)["anonymous_deleted"] == 0


def test_who_is_still_signed_in_is_looked_for_later(world: Federated) -> None:
    made = world.nobody()
    token = made.refresh_token
    for _ in range(30):
        world.now += 3000
        token = world.accounts.refresh(token).refresh_token
    assert world.sweep.run(lambda: True)["anonymous_deleted"] == 0
    world.now += 3600 + DAY + 1
    assert world.sweep.run(lambda: True)["anonymous_deleted"] == 1


def test_who_has_a_passkey_can_come_back(world: Federated) -> None:
    me = world.nobody().user["id"]
    account = world.accounts_kept.get(me)
    assert account is not None
    assert world.accounts_kept.change(account, replace(account, factors=True))
    world.now += 3600 + DAY + 1
    assert world.sweep.run(lambda: True)["anonymous_deleted"] == 0


def test_who_cannot_be_deleted_now_is_tried_again_a_day_later(world: Federated) -> None:
    world.nobody()
    world.now += 3600 + DAY + 1

    def refuse(_: object) -> None:
        raise Conflict("others refer to it")

    world.sweep._delete, delete = refuse, world.sweep._delete
    assert world.sweep.run(lambda: True) == {"anonymous_deleted": 0, "anonymous_failed": 1}
    world.sweep._delete = delete
    world.now += DAY + 1
    assert world.sweep.run(lambda: True)["anonymous_deleted"] == 1


def test_by_mail_the_address_holds_once_it_is_proven() -> None:
    world = Federated(by_mail=True)
    world.accounts.sign_up({"email": EMAIL}, PASSWORD)
    world.mailer.sent.clear()
    made = world.nobody()
    me = world.who(made)
    assert world.anonymous.upgrade(me, EMAIL, PASSWORD) is None  # taken: the same answer
    assert [letter.kind for letter in world.mailer.sent] == ["exists"]
    assert world.anonymous.upgrade(me, "new@example.test", PASSWORD) is None
    assert world.who(made).roles == ("anonymous",)
    world.addresses.change(world.link("change_email"))
    assert world.who(made).roles == ()
    assert world.sign_in("new@example.test").user["id"] == me.id
