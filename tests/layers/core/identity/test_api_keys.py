"""API keys: made, used, ended; in memory and in the table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from covey.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, Unavailable
from covey.identity.api_key import ApiKey, ApiKeyStore, Name, mint, named, parse
from covey.identity.api_keys import ApiKeys, Wanted
from covey.identity.key_callers import KeyCallers
from covey.identity.principal import GUEST, Kind, Principal
from covey.identity.scopes import Scopes, asked
from covey.testing.api_keys import MemoryApiKeyStore
from tests.layers.core.identity.world import PASSWORD, World, at_once

READ = asked({"*": ["read"]}, ["jobs"])


class Keyed(World):
    """A world with keys."""

    def __init__(self, table: str | None) -> None:
        super().__init__(table)
        self.kept = self._store(table)
        self.keys = ApiKeys(self.kept, self.accounts_kept, self.audit, clock=self.clock)
        self.callers = KeyCallers(self.kept, self.catalog, lifetime=900, clock=self.clock)

    def _store(self, table: str | None) -> ApiKeyStore:
        if table is None:
            accounts: Any = self.accounts_kept
            records: Any = self.records
            return MemoryApiKeyStore(accounts, records)
        from covey.store.models.api_key import DynamoApiKeyStore
        from covey.store.transport import transport

        return DynamoApiKeyStore(transport(), table)

    def user(self) -> Principal:
        return self.caller(f"Bearer {self.ann().access_token}")

    def admin(self) -> Principal:
        token = self.first.offer()
        assert token is not None
        made = self.first.redeem(token, {"email": "root@example.test"}, PASSWORD)
        return self.caller(f"Bearer {made.access_token}")


@pytest.fixture(params=["memory", "dynamo"])
def world(request: pytest.FixtureRequest) -> Iterator[Keyed]:
    table = request.getfixturevalue("table") if request.param == "dynamo" else None
    yield Keyed(table)


@pytest.fixture
def memory() -> Keyed:
    return Keyed(None)


def refused(world: Keyed, token: str) -> bool:
    try:
        world.callers.of(token)
    except Unauthenticated as exc:
        assert exc.code == "invalid_token"
        assert exc.detail == "The API key is malformed, expired or not ours."
        return True
    return False


# ---- what a key looks like


@pytest.mark.parametrize("user", ["", "06h09hjom1f2g2vkt1h1", "ann", "Ä/日本 _", "x" * 256])
def test_a_key_says_where_it_is_kept(user: str) -> None:
    name, token, _ = mint(user)
    assert parse(token)[0] == name
    assert named(name.text()) == name
    assert name.user == user
    assert re.fullmatch(r"cvk_[su][a-z2-7]{16,426}_[a-z2-7]{59}", token), "for scanners of secrets"


def test_a_key_with_any_character_changed_is_refused_before_anything_is_read() -> None:
    _, token, _ = mint("ann")
    for at in range(len(token)):
        for other in ("a", "b", "_", "A", "=", "\0", "é"):
            if token[at] == other:
                continue
            with pytest.raises(Unauthenticated):
                parse(token[:at] + other + token[at + 1 :])
    for wrong in ("", "cvk_", token + "a", token + "\n", " " + token, token[:-1], token.upper()):
        with pytest.raises(Unauthenticated):
            parse(wrong)


@pytest.mark.parametrize("text", ["", "s", "u" + "a" * 16, "s" + "a" * 18, "u" + "a" * 17, "x"])
def test_what_names_no_key_is_none(text: str) -> None:
    assert named(text) is None


# ---- making and using


def test_a_users_key_acts_as_that_user_within_its_scopes(world: Keyed) -> None:
    ann = world.user()
    key, token = world.keys.make(ann, Wanted("ci", READ))
    who = world.callers.of(token)
    assert (who.kind, who.id, who.session) == (Kind.USER, ann.id, "")
    assert who.scopes == READ
    assert who.values["email"] == "ann@example.test"
    assert who.scope == f"key:{key.name.text()}" != ann.scope
    assert world.callers.again(key.name.text()) == who
    assert key.secret not in token
    (shown,) = world.keys.of(ann)
    assert (shown.title, shown.scopes, shown.created) == ("ci", READ, int(world.now))


def test_a_service_key_acts_for_itself_and_administrators_alone_make_it(world: Keyed) -> None:
    ann, root = world.user(), world.admin()
    with pytest.raises(Forbidden):
        world.keys.make(ann, Wanted("cron", READ, service=True))
    key, token = world.keys.make(root, Wanted("cron", READ, service=True, roles=("editor",)))
    who = world.callers.of(token)
    assert (who.kind, who.id, who.roles) == (Kind.KEY, f"key-{key.name.id}", ("editor",))
    _, token = world.keys.make(root, Wanted("sync", READ, service=True, roles=("admin",)))
    who = world.callers.of(token)
    assert who.is_administrator
    assert not who.sees_all
    assert {one.title for one in world.keys.of(root)} == {"cron", "sync"}
    assert world.keys.of(ann) == []


def test_neither_guests_nor_keys_nor_impersonators_make_or_end_keys(world: Keyed) -> None:
    ann = world.user()
    key, token = world.keys.make(ann, Wanted("ci", READ))
    for who in (GUEST, world.callers.of(token), replace(ann, actor="root")):
        with pytest.raises((Unauthenticated, Forbidden)):
            world.keys.make(who, Wanted("more", READ))
        with pytest.raises((Unauthenticated, Forbidden)):
            world.keys.end(who, key.name.id)
    assert not refused(world, token)


def test_keys_of_others_are_neither_seen_nor_ended(world: Keyed) -> None:
    ann = world.user()
    bob = world.accounts.sign_up({"email": "bob@example.test"}, PASSWORD)
    assert bob is not None
    bobs = world.caller(f"Bearer {bob.access_token}")
    key, token = world.keys.make(ann, Wanted("ci", READ))
    assert world.keys.of(bobs) == []
    for id in (key.name.id, "", "nope", "x" * 300):
        with pytest.raises(NotFound):
            world.keys.end(bobs, id)
    assert not refused(world, token)


def test_an_ended_key_is_refused_at_once_and_ends_once(world: Keyed) -> None:
    ann = world.user()
    key, token = world.keys.make(ann, Wanted("ci", READ))
    ended, failed = at_once(8, lambda _: world.keys.end(ann, key.name.id))
    assert (len(ended), len(failed)) == (1, 7)
    assert refused(world, token)
    with pytest.raises(Unauthenticated):
        world.callers.again(key.name.text())
    kinds = [event.kind for event in world.audit.newest(20)]
    assert kinds.count("key_ended") == 1
    assert "key_made" in kinds


def test_a_key_ends_when_it_was_said_to(world: Keyed) -> None:
    ann = world.user()
    _, token = world.keys.make(ann, Wanted("ci", READ, expires=int(world.now) + 60))
    assert world.callers.of(token).until == int(world.now) + 60
    world.now += 60
    assert refused(world, token)
    assert world.keys.of(ann) == []


@pytest.mark.parametrize("ending", ["disabled", "enabled again", "password", "deleted", "all"])
def test_a_users_key_does_not_outlive_what_made_it(world: Keyed, ending: str) -> None:
    ann, root = world.user(), world.admin()
    _, token = world.keys.make(ann, Wanted("ci", READ))
    _, service = world.keys.make(root, Wanted("cron", READ, service=True))
    if ending == "password":
        world.credentials.change(ann, PASSWORD, "another horse battery")
    elif ending == "deleted":
        world.accounts_kept.remove(ann.id)
    elif ending == "all":
        assert world.keys.end_all(root, ann.id) == 1
    else:
        world.administration.disable(root, ann.id)
        if ending == "enabled again":
            world.administration.enable(root, ann.id)
    assert refused(world, token)
    assert not refused(world, service)


def test_wrong_keys_are_all_alike(world: Keyed) -> None:
    ann = world.user()
    _, token = world.keys.make(ann, Wanted("ci", READ))
    stranger = mint(ann.id)[1]
    nobody = mint("nobody")[1]
    service = mint()[1]
    secret = token.rpartition("_")[2]
    mixed = stranger.rpartition("_")[0] + "_" + secret
    for wrong in (stranger, nobody, service, mixed, "cvk_x", token[:-1]):
        assert refused(world, wrong)


def test_the_roles_of_a_users_key_are_those_of_now(memory: Keyed) -> None:
    root = memory.admin()
    _, token = memory.keys.make(root, Wanted("ci", READ))
    assert memory.callers.of(token).is_administrator
    records: Any = memory.records
    record = records.records[root.id]
    records.records[root.id] = replace(record, values={**record.values, "roles": []})
    assert memory.callers.of(token).kind is Kind.USER


def test_the_last_use_is_written_once_an_hour(world: Keyed) -> None:
    ann = world.user()
    _, token = world.keys.make(ann, Wanted("ci", READ))
    start = int(world.now)
    for passed, noted in ((0, 0), (60, 0), (3599, 0), (3600, 3600), (7000, 3600), (7300, 7300)):
        world.now = start + passed
        world.callers.of(token)
        assert world.keys.of(ann)[0].used == start + noted


def test_of_many_uses_at_once_one_is_written(memory: Keyed) -> None:
    ann = memory.user()
    _, token = memory.keys.make(ann, Wanted("ci", READ))
    used, _ = at_once(16, lambda _: memory.callers.of(token))
    assert len(used) == 16
    kept: Any = memory.kept
    assert kept.touched == 1


def test_a_use_in_the_moment_of_its_end_does_not_bring_a_key_back(world: Keyed) -> None:
    ann = world.user()
    key, _ = world.keys.make(ann, Wanted("ci", READ))
    world.keys.end(ann, key.name.id)
    world.kept.touch(key, int(world.now))
    assert world.keys.of(ann) == []


def test_a_note_that_cannot_be_written_holds_nobody_up(memory: Keyed) -> None:
    ann = memory.user()
    _, token = memory.keys.make(ann, Wanted("ci", READ))

    class Busy(MemoryApiKeyStore):
        def touch(self, key: ApiKey, now: int) -> None:
            raise Unavailable

    kept: Any = memory.kept
    busy = Busy(kept.accounts, kept.records, kept.keys)
    assert KeyCallers(busy, memory.catalog, lifetime=900).of(token).id == ann.id


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Wanted("", READ), "name"),
        (Wanted("x" * 101, READ), "name"),
        (Wanted("a\nb", READ), "name"),
        (Wanted("ci", READ, expires=1), "expires"),
        (Wanted("ci", READ, roles=("admin",)), "roles"),
    ],
)
def test_what_no_key_can_be_is_refused(memory: Keyed, wanted: Wanted, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        memory.keys.make(memory.user(), wanted)
    assert [fault.field for fault in caught.value.errors] == [field]


def test_nobody_has_keys_without_end(memory: Keyed) -> None:
    ann = memory.user()
    for number in range(100):
        memory.keys.make(ann, Wanted(f"{number}", READ))
    with pytest.raises(Conflict) as caught:
        memory.keys.make(ann, Wanted("more", READ))
    assert caught.value.code == "too_many_keys"


def test_a_key_is_not_made_for_an_account_that_just_changed(memory: Keyed) -> None:
    ann = memory.user()
    guard = {"holds": lambda: False, "apply": lambda: None}
    store: Any = memory.kept
    key = ApiKey(Name("a" * 16, ann.id), "t", "", Scopes(), 1, ann.id)
    assert store.add(key, guard) is False
    assert store.keys == {}
