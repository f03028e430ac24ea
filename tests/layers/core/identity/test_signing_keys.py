"""Signing keys: made once, changed without logging anyone out, not searched for by strangers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from covey.errors import Conflict, Unauthenticated, Unavailable
from covey.identity.ports import KeyStore, StoredKey
from covey.identity.signing_keys import (
    LEAD,
    RELOAD_SECONDS,
    RENEW_SECONDS,
    SKEW,
    SigningKeys,
    thumbprint,
)
from covey.identity.tokens import Tokens
from covey.testing.identity import MemoryKeyStore
from tests.layers.core.identity.world import at_once


class Counting(MemoryKeyStore):
    reads = 0

    def all(self) -> list[StoredKey]:
        self.reads += 1
        return super().all()


def fresh(generation: int, store: KeyStore) -> str:
    private = Ed25519PrivateKey.generate()
    id = thumbprint(private.public_key())
    store.add(generation, StoredKey(id, private.private_bytes_raw(), 0, generation))
    return id


def test_processes_that_start_at_once_agree_on_one_key() -> None:
    store = MemoryKeyStore()
    with ThreadPoolExecutor(16) as pool:
        ids = set(pool.map(lambda _: SigningKeys(store).current().id, range(32)))
    assert len(ids) == len(store.keys) == 1


def test_a_key_made_elsewhere_is_found() -> None:
    store, now = MemoryKeyStore(), [0.0]
    keys = SigningKeys(store, clock=lambda: now[0])
    keys.current()
    now[0] += RELOAD_SECONDS
    assert keys.public(fresh(2, store)) is not None


def test_unknown_key_ids_do_not_buy_reads() -> None:
    store = Counting()
    keys = SigningKeys(store, clock=lambda: 0.0)
    for n in range(100):
        assert keys.public(f"unknown {n}") is None
    assert store.reads == 1


# ---- rotation

LIFETIME = 900


class Process:
    """One of many that sign and verify, over one table and one clock."""

    def __init__(self, store: KeyStore, now: list[float]) -> None:
        self.keys = SigningKeys(store, lifetime=LIFETIME, clock=lambda: now[0])
        self.tokens = Tokens(self.keys, issuer="t", lifetime=LIFETIME, clock=lambda: now[0])

    def sign(self) -> str:
        return self.tokens.issue("ann", "s", ())

    def verifies(self, token: str) -> bool:
        try:
            return self.tokens.verify(token).user == "ann"
        except Unauthenticated:
            return False

    def published(self) -> set[str]:
        return {key["kid"] for key in self.keys.jwks()["keys"]}


@pytest.fixture(params=["memory", "dynamo"])
def store(request: pytest.FixtureRequest) -> Iterator[KeyStore]:
    if request.param == "memory":
        yield MemoryKeyStore()
        return
    request.getfixturevalue("table")
    from covey.store.models.signing_key import DynamoKeyStore

    yield DynamoKeyStore()


def test_tokens_of_before_during_and_after_hold_for_every_process(store: KeyStore) -> None:
    """Every minute, every process verifies every token of every other that has not ended."""
    now = [1_000_000.0]
    processes = [Process(store, now) for _ in range(3)]
    issued: list[tuple[float, str]] = []
    kids: list[str] = []
    rotated_at = 10
    for minute in range(60):
        if minute == rotated_at:
            processes[0].keys.rotate()
        fresh = [process.sign() for process in processes[: 1 + minute % 3]]
        issued += [(now[0], token) for token in fresh]
        kids.append(processes[minute % 3].keys.current().id)
        if minute % 4 == 0:  # some processes are started late
            processes[2] = Process(store, now)
        for made, token in issued[-30:]:
            held = [process.verifies(token) for process in processes]
            assert all(held) is (now[0] < made + LIFETIME), minute
        now[0] += 60
    assert len(set(kids)) == 2
    signed_by = kids.index(kids[-1])
    assert signed_by == rotated_at + LEAD // 60
    assert processes[0].published() == {kids[-1]}


def test_the_key_set_tells_of_a_key_before_it_signs_and_until_its_last_token(
    store: KeyStore,
) -> None:
    now = [1_000_000.0]
    maker, other = Process(store, now), Process(store, now)
    old = other.keys.current().id
    new = maker.keys.rotate().kept.id
    assert maker.published() == {old, new}
    now[0] += RENEW_SECONDS
    assert other.published() == {old, new}
    now[0] += LEAD - RENEW_SECONDS - 1
    assert {maker.keys.current().id, other.keys.current().id} == {old}
    last = other.sign()
    now[0] += 1
    assert {maker.keys.current().id, other.keys.current().id} == {new}
    now[0] += LIFETIME - 2
    assert maker.verifies(last)
    assert old in maker.published()
    now[0] += SKEW + 2
    assert maker.published() == other.published() == {new}
    assert maker.keys.public(old) is None
    assert [one.state for one in maker.keys.generations()] == ["retired", "signing"]
    assert maker.keys.prune() == 1
    assert maker.keys.prune() == 0
    assert [key.id for key in store.all()] == [new]


def test_of_many_rotations_at_once_one_makes_a_key(store: KeyStore) -> None:
    now = [1_000_000.0]
    processes = [Process(store, now) for _ in range(8)]
    processes[0].sign()
    made, failed = at_once(8, lambda number: processes[number].keys.rotate())
    assert len(made) == 1
    assert {error.code for error in failed} == {"rotation_under_way"}
    assert len(store.all()) == 2
    with pytest.raises(Conflict):
        processes[0].keys.rotate()


def test_rotations_one_after_the_other_leave_two_keys(store: KeyStore) -> None:
    now = [1_000_000.0]
    process = Process(store, now)
    for round_ in range(4):
        made = process.keys.rotate()
        assert made.kept.generation == round_ + 2
        now[0] += LEAD + LIFETIME + SKEW
        assert process.keys.current().id == made.kept.id
    assert [one.state for one in process.keys.generations()] == ["retired", "signing"]


def test_a_key_is_removed_as_it_was_seen_and_no_other_in_its_place(store: KeyStore) -> None:
    fresh_id = fresh(1, store)
    seen = store.all()[0]
    assert seen.id == fresh_id
    assert store.remove(StoredKey("another", seen.private, seen.created, 1)) is False
    removed, _ = at_once(4, lambda _: store.remove(seen))
    assert sorted(removed) == [False, False, False, True]


def test_a_table_that_is_away_stops_nobody_who_has_keys() -> None:
    class Away(MemoryKeyStore):
        away = False

        def all(self) -> list[StoredKey]:
            if self.away:
                raise Unavailable
            return super().all()

    now = [1_000_000.0]
    kept = Away()
    process = Process(kept, now)
    token = process.sign()
    kept.away = True
    now[0] += RENEW_SECONDS + 1
    assert process.verifies(token)
    with pytest.raises(Unavailable):
        Process(kept, now).sign()
