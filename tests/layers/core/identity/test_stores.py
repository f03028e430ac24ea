"""What every keeper of identity does, in memory and in DynamoDB."""

from dataclasses import replace

import pytest

from covey.errors import Conflict
from covey.identity.accounts import USERS
from covey.identity.factors import Factors, Passkey, Totp
from covey.identity.ports import Account, Bootstrap, Place, Session, StoredKey
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


def test_a_change_moves_a_generation_on_and_only_from_where_it_was_read(world: World) -> None:
    first = Account("u1", "old", 100)
    create(world, world.accounts_kept.creation(first))
    assert world.accounts_kept.change(first, replace(first, password="new"))
    assert world.accounts_kept.get("u1") == replace(first, password="new", generation=1)
    assert not world.accounts_kept.change(first, replace(first, disabled=True))
    assert not world.accounts_kept.change(replace(first, user="u2"), replace(first, user="u2"))
    assert world.accounts_kept.get("u2") is None
    world.accounts_kept.remove("u1")
    world.accounts_kept.remove("u1")
    assert world.accounts_kept.get("u1") is None


def begin(world: World) -> None:
    account = Account("u1", "hash", 100)
    create(world, world.accounts_kept.creation(account))
    assert world.sessions_kept.open(SESSION, world.accounts_kept.standing(account))


def test_a_session_is_kept_rotated_and_ended(world: World) -> None:
    kept = world.sessions_kept
    begin(world)
    assert kept.get("u1", "sid") == SESSION
    assert kept.get("u2", "sid") is None
    assert kept.rotate(SESSION, "next", 200, 4_000_000_001)
    rotated = replace(SESSION, secret="next", used=200, expires=4_000_000_001)
    assert kept.get("u1", "sid") == rotated
    assert list(kept.of("u1")) == [rotated]
    assert not kept.rotate(SESSION, "other", 300, 4_000_000_002)
    assert not kept.rotate(replace(SESSION, id="nothing"), "other", 300, 4_000_000_002)
    kept.end("u1", "sid")
    kept.end("u1", "sid")
    assert kept.get("u1", "sid") is None
    assert not kept.rotate(rotated, "other", 300, 4_000_000_002)
    assert list(kept.of("u1")) == []


def test_a_rotation_that_is_sent_again_is_no_reuse(world: World) -> None:
    begin(world)
    assert world.sessions_kept.rotate(SESSION, "next", 200, 4_000_000_001)
    assert world.sessions_kept.rotate(SESSION, "next", 200, 4_000_000_001)
    assert not world.sessions_kept.rotate(SESSION, "other", 200, 4_000_000_001)


def test_a_session_begins_only_while_its_account_stands(world: World) -> None:
    account = Account("u1", "hash", 100)
    create(world, world.accounts_kept.creation(account))
    standing = world.accounts_kept.standing(account)
    assert world.accounts_kept.change(account, replace(account, disabled=True))
    moved_on = replace(account, disabled=True, generation=1)
    for guard in (standing, world.accounts_kept.standing(moved_on)):
        assert not world.sessions_kept.open(SESSION, guard)
    assert world.sessions_kept.get("u1", "sid") is None


def test_a_session_is_created_along_with_a_user(world: World) -> None:
    create(world, world.sessions_kept.creation(SESSION))
    assert world.sessions_kept.get("u1", "sid") == SESSION


def test_a_caller_is_read_with_session_and_record(world: World) -> None:
    users = world.catalog.get(USERS)
    user = create(world)
    session = replace(SESSION, user=user.id)
    create(world, world.sessions_kept.creation(session), email="b@example.test")
    assert world.callers_kept.load(users, user.id, "sid") == (session, user)
    assert world.callers_kept.load(users, user.id, "other") == (None, user)
    nobody = world.records.new_id(users)
    assert world.callers_kept.load(users, nobody, "sid") == (None, None)
    assert world.callers_kept.load(users, "no id", "sid") == (None, None)


def test_events_are_kept_newest_first(world: World) -> None:
    for number in range(5):
        world.now += 1
        world.audit.note("signed_in", f"u{number % 2}", Place("192.0.2.1", "curl"), means="test")
    newest = world.audit_kept.newest(2)
    assert [event.user for event in newest] == ["u0", "u1"]
    assert (newest[0].place, newest[0].detail) == (Place("192.0.2.1", "curl"), {"means": "test"})
    older = world.audit_kept.newest(10, before=newest[-1].id)
    assert [event.at for event in older] == sorted((e.at for e in older), reverse=True)
    assert len(older) == 3
    assert [event.user for event in world.audit_kept.newest(10, user="u1")] == ["u1", "u1"]


def test_the_first_key_of_a_generation_stays(world: World) -> None:
    first, late = (StoredKey(name, bytes(range(32)), 1) for name in ("a", "b"))
    second = StoredKey("c", bytes(range(32)), 1, generation=2)
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
    create(world, world.sessions_kept.creation(SESSION))
    world.attempts_kept.take("key", 7, 4_000_000_000)
    items = transport().call("Scan", {"TableName": table})["Items"]
    expiring = [item["x"] for item in items if item["pk"]["S"].startswith(("!sess", "!att"))]
    assert expiring == [{"N": "4000000000"}] * 2


def test_an_account_is_added_once(world: World) -> None:
    kept = Account("u1", "", 100)
    done, _ = at_once(20, lambda _: world.accounts_kept.add(kept))
    assert done.count(True) == 1
    assert not world.accounts_kept.add(replace(kept, created=200))
    assert world.accounts_kept.get("u1") == kept


def test_a_factor_is_kept_with_the_word_of_it_or_not_at_all(world: World) -> None:
    account = Account("u1", "hash", 100)
    world.accounts_kept.add(account)
    told = world.accounts_kept.advance(account, replace(account, factors=True))
    first = Passkey("id1", "key", 0, "Phone", 100)
    assert world.factors_kept.add_passkey("u1", first, told)
    assert world.accounts_kept.get("u1") == replace(account, factors=True, generation=1)
    second = replace(first, id="id2")
    assert not world.factors_kept.add_passkey("u1", second, told), "the account has moved on"
    assert world.factors_kept.of("u1") == Factors(passkeys=(first,))
    now = world.accounts_kept.get("u1")
    assert now is not None
    assert not world.factors_kept.add_passkey("u1", first, world.accounts_kept.standing(now))
    disabled = replace(now, disabled=True)
    assert world.accounts_kept.change(now, disabled)
    stale = replace(disabled, generation=2)
    guard = world.accounts_kept.advance(stale, replace(stale, disabled=False))
    assert not world.factors_kept.add_passkey("u1", second, guard), "disabled accounts get none"


@pytest.mark.parametrize(
    ("kept", "sent", "taken"),
    [(0, 0, True), (0, 1, True), (5, 6, True), (5, 5, False), (5, 0, False)],
)
def test_a_passkeys_count_rises_or_stays_at_nothing(
    world: World, kept: int, sent: int, taken: bool
) -> None:
    account = Account("u1", "hash", 100)
    world.accounts_kept.add(account)
    passkey = Passkey("id1", "key", kept, "Phone", 100)
    world.factors_kept.add_passkey("u1", passkey, world.accounts_kept.standing(account))
    assert world.factors_kept.use_passkey("u1", "id1", sent, 200) is taken
    (now,) = world.factors_kept.of("u1").passkeys
    assert (now.count, now.used) == ((sent, 200) if taken else (kept, 0))
    assert not world.factors_kept.use_passkey("u1", "other", 9, 200)
    assert not world.factors_kept.use_passkey("nobody", "id1", 9, 200)
    assert world.factors_kept.remove_passkey("u1", "id1")
    assert not world.factors_kept.remove_passkey("u1", "id1")


def test_an_app_is_enabled_by_what_was_offered_last(world: World) -> None:
    account = Account("u1", "hash", 100)
    world.accounts_kept.add(account)
    kept, first, second = world.factors_kept, Totp("one", 100), Totp("two", 100)
    assert kept.offer_totp("u1", first)
    assert kept.offer_totp("u1", second)
    standing = world.accounts_kept.standing(account)
    assert not kept.enable_totp("u1", replace(first, enabled=True, step=1), ["a"], standing)
    assert not kept.spend_step("u1", 9), "not enabled"
    assert kept.enable_totp("u1", replace(second, enabled=True, step=1), ["a", "b"], standing)
    assert not kept.enable_totp("u1", replace(second, enabled=True), ["c"], standing)
    assert not kept.offer_totp("u1", first)
    assert [kept.spend_step("u1", step) for step in (1, 2, 2, 1, 3)] == [
        False,
        True,
        False,
        False,
        True,
    ]
    assert [kept.spend_code("u1", code) for code in ("a", "a", "x", "b")] == [
        True,
        False,
        False,
        True,
    ]
    assert kept.of("u1").recovery == frozenset()
    kept.replace_codes("u1", ["d"])
    assert kept.of("u1").recovery == {"d"}
    kept.remove_totp("u1")
    kept.remove_totp("u1")
    assert kept.of("u1") == Factors()
    assert not kept.spend_step("u1", 99)
    assert not kept.spend_code("u1", "d")


def test_a_flow_counts_guesses_and_is_finished_once(world: World) -> None:
    kept = world.flows_kept
    assert kept.guess("f", 5, 100) is None
    assert not kept.finish("f")
    assert kept.keep("f", {}, 200)
    assert kept.guess("f", 2, 100) == {}
    assert kept.keep("f", {"a": 1}, 200)
    assert kept.guess("f", 2, 200) is None, "over"
    assert kept.guess("f", 2, 199) == {"a": 1}
    assert kept.guess("f", 2, 100) is None, "two were counted"
    done, _ = at_once(20, lambda _: kept.finish("f"))
    assert done.count(True) == 1
    assert not kept.keep("f", {"b": 2}, 200)
    assert kept.guess("f", 9, 100) is None


def test_whoever_forgets_the_account_forgets_the_factors(table: str) -> None:
    world = World(table)
    account = Account("u1", "hash", 100)
    world.accounts_kept.add(account)
    standing = world.accounts_kept.standing(account)
    world.factors_kept.offer_totp("u1", Totp("one", 100))
    world.factors_kept.replace_codes("u1", ["a"])
    world.factors_kept.add_passkey("u1", Passkey("id1", "key", 0, "Phone", 100), standing)
    world.accounts_kept.remove("u1")
    assert world.factors_kept.of("u1") == Factors()
