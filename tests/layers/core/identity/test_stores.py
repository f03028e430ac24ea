"""What every keeper of identity does, in memory and in DynamoDB."""

from dataclasses import replace

import pytest

from covey.errors import Conflict
from covey.identity.accounts import USERS
from covey.identity.ports import Account, Bootstrap, Session, StoredKey
from covey.records.ids import created_of
from covey.records.model import Record
from tests.layers.core.identity.world import World, at_once

SESSION = Session("sid", "u1", "family", "secret", 100, 4_000_000_000)


def create(world: World, *also: dict[str, object], email: str = "a@example.test") -> Record:
    users = world.catalog.get(USERS)
    id = world.records.new_id(users)
    user = Record(id, created_of(id), created_of(id), 1, {"email": email})
    world.records.create(users, user, also=also)
    return user


def test_an_account_is_created_with_its_user_or_not_at_all(world: World) -> None:
    kept = Account("u1", "hash", 100)
    create(world, world.accounts_kept.creation(kept))
    assert world.accounts_kept.get("u1") == kept
    with pytest.raises(Conflict) as refused:
        create(world, world.accounts_kept.creation(kept), email="b@example.test")
    assert refused.value.code == "conflict"
    users = world.catalog.get(USERS)
    assert world.records.find_unique(users, ("email",), ("b@example.test",)) is None
    other = replace(kept, user="u2")
    with pytest.raises(Conflict) as taken:
        create(world, world.accounts_kept.creation(other))
    assert taken.value.code == "unique_violation"
    assert world.accounts_kept.get("u2") is None


def test_a_disabled_account_says_so(world: World) -> None:
    kept = Account("u1", "hash", 100, disabled=True)
    create(world, world.accounts_kept.creation(kept))
    assert world.accounts_kept.get("u1") == kept


def test_a_password_is_replaced_where_it_is_still_the_one(world: World) -> None:
    create(world, world.accounts_kept.creation(Account("u1", "old", 100)))
    assert world.accounts_kept.replace_password("u1", "old", "new")
    assert not world.accounts_kept.replace_password("u1", "old", "newer")
    assert not world.accounts_kept.replace_password("nobody", "old", "new")
    assert world.accounts_kept.get("u1") == Account("u1", "new", 100)
    assert world.accounts_kept.get("nobody") is None


def test_a_session_is_kept_rotated_and_ended(world: World) -> None:
    kept = world.sessions_kept
    kept.create(SESSION)
    assert kept.get("sid") == SESSION
    assert kept.rotate("sid", "secret", "next", 4_000_000_001)
    assert kept.get("sid") == replace(SESSION, secret="next", expires=4_000_000_001)
    assert not kept.rotate("sid", "secret", "other", 4_000_000_002)
    assert not kept.rotate("nothing", "secret", "other", 4_000_000_002)
    kept.end("sid")
    kept.end("sid")
    assert kept.get("sid") is None
    assert not kept.rotate("sid", "next", "other", 4_000_000_002)
    assert kept.get("sid") is None


def test_a_rotation_that_is_sent_again_is_no_reuse(world: World) -> None:
    world.sessions_kept.create(SESSION)
    assert world.sessions_kept.rotate("sid", "secret", "next", 4_000_000_001)
    assert world.sessions_kept.rotate("sid", "secret", "next", 4_000_000_001)
    assert not world.sessions_kept.rotate("sid", "secret", "other", 4_000_000_001)


def test_a_session_is_created_along_with_a_user(world: World) -> None:
    create(world, world.sessions_kept.creation(SESSION))
    assert world.sessions_kept.get("sid") == SESSION


def test_the_first_key_of_a_generation_stays(world: World) -> None:
    first, late, second = (StoredKey(name, bytes(range(32)), 1) for name in ("a", "b", "c"))
    assert world.keys_kept.add(1, first)
    assert not world.keys_kept.add(1, late)
    assert world.keys_kept.add(2, second)
    assert world.keys_kept.all() == [first, second]


def test_attempts_are_counted_to_the_limit(world: World) -> None:
    kept = world.attempts_kept
    assert [kept.take("key", 2, 4_000_000_000) for _ in range(4)] == [True, True, False, False]
    assert kept.take("other", 2, 4_000_000_000)
    kept.give_back("key")
    assert [kept.take("key", 2, 4_000_000_000) for _ in range(2)] == [True, False]
    kept.give_back("never counted")
    assert [kept.take("never counted", 1, 4_000_000_000) for _ in range(2)] == [True, False]


def test_parallel_attempts_do_not_pass_the_limit(world: World) -> None:
    taken, failed = at_once(20, lambda _: world.attempts_kept.take("key", 7, 4_000_000_000))
    assert (sum(taken), failed) == (7, [])


def test_an_offer_is_replaced_taken_and_closed(world: World) -> None:
    kept = world.bootstrap_kept
    assert kept.get() == Bootstrap()
    assert kept.offer("first", 100, again=False)
    assert kept.offer("second", 200, again=False)
    assert kept.get() == Bootstrap("second", 200)
    for token, now in (("first", 100), ("second", 200), ("", 100)):
        with pytest.raises(Conflict) as refused:
            create(world, kept.redemption(token, "u1", now))
        assert refused.value.code == "conflict"
    create(world, kept.redemption("second", "u1", 199))
    assert kept.get() == Bootstrap("", 200, "u1")
    assert not kept.offer("third", 300, again=False)
    assert kept.offer("third", 300, again=True)
    assert kept.get() == Bootstrap("third", 300, "u1")


def test_what_expires_says_when_where_the_table_looks(table: str) -> None:
    from covey.store.transport import transport

    world = World(table)
    world.sessions_kept.create(SESSION)
    world.attempts_kept.take("key", 7, 4_000_000_000)
    items = transport().call("Scan", {"TableName": table})["Items"]
    assert [item["x"] for item in items] == [{"N": "4000000000"}] * 2
