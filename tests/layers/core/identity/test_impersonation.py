"""Administrators in the name of users."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from covey.errors import Conflict, CoveyError, NotFound, Unauthenticated
from covey.identity.accounts import SignedIn
from covey.identity.principal import GUEST, Kind, Principal
from covey.identity.scopes import Scopes
from tests.layers.core.identity.world import PASSWORD, World


@pytest.fixture(params=["memory", "dynamo"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    table = request.getfixturevalue("table") if request.param == "dynamo" else None
    yield World(table)


def admin(world: World) -> Principal:
    token = world.first.offer()
    assert token is not None
    made = world.first.redeem(token, {"email": "root@example.test"}, PASSWORD)
    return world.caller(f"Bearer {made.access_token}")


def ann(world: World) -> Principal:
    return world.caller(f"Bearer {world.ann().access_token}")


def caller(world: World, made: SignedIn) -> Principal:
    return world.caller(f"Bearer {made.access_token}")


def test_an_administrator_acts_as_the_user_and_is_named(world: World) -> None:
    root, user = admin(world), ann(world)
    made = world.impersonation.start(root, user.id)
    who = caller(world, made)
    assert (who.kind, who.id, who.actor) == (Kind.USER, user.id, root.id)
    assert made.expires_in == 900
    assert [one.actor for one in world.sessions.of(user.id)].count(root.id) == 1
    started = next(e for e in world.audit.newest(9) if e.kind == "impersonation_started")
    assert (started.user, started.actor) == (user.id, root.id)


def test_it_ends_after_a_quarter_of_an_hour_refreshed_or_not(world: World) -> None:
    made = world.impersonation.start(admin(world), ann(world).id)
    world.now += 600
    later = world.accounts.refresh(made.refresh_token)
    assert later.expires_in == 300
    assert caller(world, later).actor
    world.now += 300
    for work in (
        lambda: caller(world, later),
        lambda: caller(world, made),
        lambda: world.accounts.refresh(later.refresh_token),
    ):
        with pytest.raises(Unauthenticated):
            work()


@pytest.mark.parametrize("ending", ["disabled", "deleted", "demoted"])
def test_it_ends_with_the_administrator(world: World, ending: str) -> None:
    root, user = admin(world), ann(world)
    made = world.impersonation.start(root, user.id)
    assert caller(world, made)
    if ending == "disabled":
        account = world.accounts_kept.get(root.id)
        assert account is not None
        assert world.accounts_kept.change(account, replace(account, disabled=True))
    elif ending == "deleted":
        world.accounts_kept.remove(root.id)
    else:
        users = world.catalog.get("users")
        before = world.addresses.of(root.id)
        assert before is not None
        after = replace(before, version=2, values={**before.values, "roles": []})
        world.records.update(users, before, after)
    with pytest.raises(Unauthenticated):
        caller(world, made)


def test_a_user_who_becomes_an_administrator_is_no_longer_impersonated(world: World) -> None:
    root, user = admin(world), ann(world)
    made = world.impersonation.start(root, user.id)
    before = world.addresses.of(user.id)
    assert before is not None
    after = replace(
        before, version=before.version + 1, values={**before.values, "roles": ["admin"]}
    )
    world.records.update(world.catalog.get("users"), before, after)
    with pytest.raises(Unauthenticated):
        caller(world, made)


def test_the_user_ends_it_like_any_session_of_theirs(world: World) -> None:
    root, user = admin(world), ann(world)
    made = world.impersonation.start(root, user.id)
    world.sessions.end_all(user.id, but=user.session)
    with pytest.raises(Unauthenticated):
        caller(world, made)


def test_nobody_else_starts_it_and_administrators_are_not_its_object(world: World) -> None:
    root, user = admin(world), ann(world)
    within = caller(world, world.impersonation.start(root, user.id))
    keyed = replace(root, key="k", scopes=Scopes(), session="")
    for who, whom, code in (
        (GUEST, user.id, "unauthenticated"),
        (user, root.id, "administrators_only"),
        (within, user.id, "impersonating"),
        (keyed, user.id, "unauthenticated"),
        (replace(root, actor="other"), user.id, "impersonating"),
        (root, root.id, "administrator"),
    ):
        with pytest.raises(CoveyError) as caught:
            world.impersonation.start(who, whom)
        assert caught.value.code == code
    for nobody in ("", "nobody", "-", "x" * 300, "\0"):
        with pytest.raises(NotFound):
            world.impersonation.start(root, nobody)


def test_a_disabled_user_is_not_impersonated(world: World) -> None:
    root, user = admin(world), ann(world)
    world.administration.disable(root, user.id)
    with pytest.raises(Conflict) as caught:
        world.impersonation.start(root, user.id)
    assert caught.value.code == "account_disabled"
