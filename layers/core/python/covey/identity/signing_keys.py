"""The keys that sign access tokens: Ed25519, kept by generation, held in memory.

A new generation is told of before it signs, and an old one verifies until the last token that it
signed has ended: nobody is logged out, here or at services that verify by the key set.

    made ── LEAD ──▶ signs ─────────────▶ next one signs ── longest token, SKEW ──▶ removed
    in the key set from the first moment to the last

`LEAD` is as long as an answer with the key set may be kept (`KEY_SET_SECONDS`) and a process
goes on with keys that it has read (`RENEW_SECONDS`), one after the other.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from covey.errors import Conflict, Unavailable
from covey.identity.ports import KeyStore, StoredKey

# An unknown key id may be a key made elsewhere a moment ago, or a stranger's invention: the
# latter must not buy a read of the table each.
RELOAD_SECONDS = 5.0
RENEW_SECONDS = 300
KEY_SET_SECONDS = 300
LEAD = RENEW_SECONDS + KEY_SET_SECONDS
SKEW = 60  # between the clocks of two processes


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key, ready to use: it signs from `begins`, and holds until `ends` if another follows."""

    id: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    begins: int
    ends: int | None


@dataclass(frozen=True, slots=True)
class Generation:
    """A key as administrators see it: ``coming``, ``signing``, ``verifying`` or ``retired``."""

    kept: StoredKey
    state: str
    begins: int
    ends: int | None


class SigningKeys:
    """The keys of this deployment; one signs, and those whose tokens may be about verify."""

    def __init__(
        self, store: KeyStore, *, lifetime: int = 900, clock: Callable[[], float] = time.time
    ) -> None:
        """`lifetime`: of the longest token, in seconds."""
        self._store = store
        self._lifetime = lifetime
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, SigningKey] = {}
        self._loaded = float("-inf")

    def current(self) -> SigningKey:
        """The key to sign with; the first call of a deployment makes it."""
        self._renew()
        now = self._clock()
        keys = list(self._keys.values())
        return next((key for key in reversed(keys) if key.begins <= now), keys[0])

    def public(self, id: str) -> Ed25519PublicKey | None:
        """The key to verify with, or None when there is no such key, or none any more."""
        self._renew()
        if id not in self._keys:
            self._load(known=id)
        key = self._keys.get(id)
        if key is None or (key.ends is not None and key.ends <= self._clock()):
            return None
        return key.public

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517, RFC 8037)."""
        self._renew()
        now = self._clock()
        return {
            "keys": [
                {**_jwk(key.public), "kid": key.id, "use": "sig", "alg": "EdDSA"}
                for key in self._keys.values()
                if key.ends is None or key.ends > now
            ]
        }

    def generations(self) -> list[Generation]:
        """Every key that is kept, oldest first."""
        return self._described(self._store.all() or self._first())

    def rotate(self) -> Generation:
        """Make the next key, and remove those that have served.

        Raises Conflict("rotation_under_way") while one is on its way: of many at once, one makes
        a key.
        """
        kept = self._store.all() or self._first()
        newest = self._described(kept)[-1]
        made = _make(kept[-1].generation + 1, int(self._clock()))
        if newest.state == "coming" or not self._store.add(made.generation, made):
            raise Conflict("A new key is on its way already.", code="rotation_under_way")
        self.prune()
        with self._lock:
            self._keep(self._store.all())
        return self._described([kept[-1], made])[-1]

    def prune(self) -> int:
        """Remove the keys that have served; how many."""
        retired = [one.kept for one in self.generations() if one.state == "retired"]
        return sum(self._store.remove(key) for key in retired)

    def _described(self, stored: Sequence[StoredKey]) -> list[Generation]:
        now = self._clock()
        # The first of a deployment signs at once: nothing was signed by another.
        begins = [key.created + (LEAD if number else 0) for number, key in enumerate(stored)]
        ends = [start + self._lifetime + SKEW for start in begins[1:]]
        described = []
        for number, key in enumerate(stored):
            end = ends[number] if number < len(ends) else None
            followed = number < len(ends) and begins[number + 1] <= now
            if begins[number] > now:
                state = "coming"
            elif end is not None and end <= now:
                state = "retired"
            else:
                state = "verifying" if followed else "signing"
            described.append(Generation(key, state, begins[number], end))
        return described

    def _renew(self) -> None:
        if self._clock() - self._loaded < RENEW_SECONDS:
            return
        try:
            self._load(known="")
        except Unavailable:
            if not self._keys:
                raise  # else those read before go on until the table is there again

    def _load(self, *, known: str) -> None:
        with self._lock:
            recently = self._clock() - self._loaded < RELOAD_SECONDS
            if self._keys and (known in self._keys or recently):
                return
            self._keep(self._store.all() or self._first())

    def _keep(self, stored: Sequence[StoredKey]) -> None:
        # A new dict, so that a reader without the lock sees the old or the new, whole.
        self._keys = {one.kept.id: _restore(one) for one in self._described(stored)}
        self._loaded = self._clock()

    def _first(self) -> list[StoredKey]:
        made = _make(1, int(self._clock()))
        # Many processes may start at once: one of them wins, all use the winner's.
        return [made] if self._store.add(1, made) else list(self._store.all())


def thumbprint(public: Ed25519PublicKey) -> str:
    """The key's id: SHA-256 of its canonical JWK (RFC 7638, RFC 8037 appendix A.3)."""
    jwk = _jwk(public)
    canonical = f'{{"crv":"{jwk["crv"]}","kty":"{jwk["kty"]}","x":"{jwk["x"]}"}}'
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _make(generation: int, now: int) -> StoredKey:
    private = Ed25519PrivateKey.generate()
    return StoredKey(thumbprint(private.public_key()), private.private_bytes_raw(), now, generation)


def _restore(one: Generation) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(one.kept.private)
    return SigningKey(one.kept.id, private, private.public_key(), one.begins, one.ends)


def _jwk(public: Ed25519PublicKey) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": _base64url(public.public_bytes_raw())}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
