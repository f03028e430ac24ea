"""Identities and users: one each, by conditional writes, in memory and over the data engine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covey.errors import Conflict, Forbidden, Unauthenticated
from covey.identity.departures import Departures
from covey.identity.federation.flow import Arrival
from covey.identity.federation.ports import Identity, identity_id
from covey.identity.ports import NOWHERE
from covey.identity.second_factor import Awaiting
from covey.records.model import Change, ChangeKind
from tests.layers.core.identity.federation.federated import ANN, Federated
from tests.layers.core.identity.federation.scripted import ISSUER
from tests.layers.core.identity.world import EMAIL, PASSWORD, at_once

OTHER = replace(ANN, provider="other", issuer="https://other.test", subject="7", email="")


def test_of_many_first_sign_ins_one_makes_the_user(world: Federated) -> None:
    made, failures = at_once(6, lambda _: world.by())
    assert failures == []
    assert len({one.user["id"] for one in made}) == 1


def test_a_first_sign_in_and_a_sign_up_of_one_address_make_one_user(world: Federated) -> None:
    made, _ = at_once(2, lambda number: world.by() if number else world.ann())
    users = {one.user["id"] for one in made}
    users |= {world.by().user["id"]}
    assert len(users) == 1


def test_of_many_removals_the_last_way_in_stays(world: Federated) -> None:
    me = world.who(world.by())
    world.identities.link(me, OTHER)
    ids = [one.id for one in world.identities.of(me)]
    assert len(ids) == 2
    at_once(6, lambda number: world.identities.unlink(me, ids[number % 2]))
    for one in world.identities.of(me):
        with pytest.raises(Conflict) as failure:
            world.identities.unlink(me, one.id)
        assert failure.value.code == "last_way_in"
    assert len(world.identities.of(me)) == 1


def test_a_password_is_another_way_in(world: Federated) -> None:
    me = world.who(world.ann())
    identity = world.identities.link(me, ANN)
    assert world.identities.link(me, ANN).id == identity.id  # twice is as once
    world.identities.unlink(me, identity.id)
    assert world.identities.of(me) == []
    assert world.identities_kept.owner(identity.id) is None


def test_unlinking_ends_the_sessions_that_began_by_it(world: Federated) -> None:
    me = world.who(world.ann())
    identity = world.identities.link(me, ANN)
    theirs = world.by()
    world.identities.unlink(me, identity.id)
    with pytest.raises(Unauthenticated):
        world.who(theirs)
    assert world.addresses.owner(me).id == me.id


def test_a_linking_is_finished_by_who_began_it(world: Federated) -> None:
    me = world.who(world.ann())
    eve = world.who(world.by(OTHER))
    for caller in (eve, replace(me, session="")):
        with pytest.raises(Unauthenticated) as failure:
            world.identities.exchange(Arrival(ANN, me.id), caller)
        assert failure.value.code == "sign_in_refused"
    assert isinstance(world.identities.exchange(Arrival(ANN, me.id), me), Identity)


def test_who_acts_in_anothers_name_links_nothing(world: Federated) -> None:
    me = replace(world.who(world.ann()), actor="root")
    with pytest.raises(Forbidden):
        world.identities.link(me, ANN)


def test_an_unproven_account_is_stripped_and_a_proven_one_is_not(world: Federated) -> None:
    squatter = world.ann()
    world.identities.link(world.who(squatter), OTHER)
    owner = world.by()
    assert owner.user["id"] == squatter.user["id"]
    account = world.accounts_kept.get(owner.user["id"])
    assert account is not None and account.password == ""
    assert [one.provider for one in world.identities.of(world.who(owner))] == ["acme"]
    assert world.by(OTHER).user["id"] != owner.user["id"]
    with pytest.raises(Unauthenticated):
        world.who(squatter)
    with pytest.raises(Unauthenticated):
        world.accounts.sign_in(EMAIL, PASSWORD)


def test_the_second_factor_is_asked_for_after_a_provider(world: Federated) -> None:
    me = world.by().user["id"]
    account = world.accounts_kept.get(me)
    assert account is not None
    asking = world.second_factor

    class Asks:
        def ask(self, account: object, means: str) -> Awaiting:
            assert means == "oauth:acme"
            return Awaiting("flow", ("totp",))

    world.accounts._second = Asks()  # type: ignore[assignment]
    assert isinstance(world.identities.sign_in(ANN, {}), Awaiting)
    world.accounts._second = asking


def test_a_disabled_user_is_refused_as_any_other(world: Federated) -> None:
    me = world.by().user["id"]
    account = world.accounts_kept.get(me)
    assert account is not None
    assert world.accounts_kept.change(account, replace(account, disabled=True))
    with pytest.raises(Unauthenticated) as failure:
        world.by()
    assert failure.value.code == "sign_in_refused"
    fresh = replace(ANN, subject="ann-again")  # by the address
    with pytest.raises(Unauthenticated) as failure:
        world.by(fresh)
    assert failure.value.code == "sign_in_refused"
    assert world.identities_kept.owner(identity_id(ISSUER, "ann-again")) is None


def test_identities_of_deleted_users_are_let_go(world: Federated) -> None:
    me = world.by().user["id"]
    departures = Departures(
        world.accounts_kept, world.sessions, world.identities_kept, lambda *_: False
    )
    users = world.catalog.get("users")
    gone = Change("users", me, 2, ChangeKind.DELETED, None, None)
    departures.apply(users, [gone, gone])
    assert world.identities_kept.of(me) == []
    assert world.identities_kept.owner(identity_id(ISSUER, "ann")) is None


def test_letters_tell_of_a_new_way_in(world: Federated) -> None:
    me = world.who(world.ann())
    world.identities.link(me, ANN)
    letter = world.mailer.sent[-1]
    assert (letter.kind, letter.to) == ("identity_linked", EMAIL)
    kinds = [event.kind for event in world.audit.newest(10)]
    assert "identity_linked" in kinds


def test_an_account_has_at_most_ten(world: Federated) -> None:
    me = world.who(world.ann())
    for number in range(10):
        world.identities.link(me, replace(OTHER, subject=str(number)), NOWHERE)
    with pytest.raises(Conflict) as failure:
        world.identities.link(me, ANN)
    assert failure.value.code == "too_many_identities"
