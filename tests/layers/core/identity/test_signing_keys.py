"""Signing keys: made once, found again, and not searched for by strangers."""

from concurrent.futures import ThreadPoolExecutor

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from covey.identity.ports import StoredKey
from covey.identity.signing_keys import RELOAD_SECONDS, SigningKeys, thumbprint
from covey.testing.identity import MemoryKeyStore


class Counting(MemoryKeyStore):
    reads = 0

    def all(self) -> list[StoredKey]:
        self.reads += 1
        return super().all()


def fresh(generation: int, store: MemoryKeyStore) -> str:
    private = Ed25519PrivateKey.generate()
    id = thumbprint(private.public_key())
    store.add(generation, StoredKey(id, private.private_bytes_raw(), 0))
    return id


def test_processes_that_start_at_once_agree_on_one_key() -> None:
    store = MemoryKeyStore()
    with ThreadPoolExecutor(16) as pool:
        ids = set(pool.map(lambda _: SigningKeys(store).current().id, range(32)))
    assert len(ids) == len(store.keys) == 1


def test_the_newest_key_signs_and_all_verify() -> None:
    store = MemoryKeyStore()
    old, new = fresh(1, store), fresh(2, store)
    keys = SigningKeys(store)
    assert keys.current().id == new
    assert keys.public(old) is not None
    assert [key["kid"] for key in keys.jwks()["keys"]] == [old, new]


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
