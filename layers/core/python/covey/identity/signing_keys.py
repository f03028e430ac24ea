"""The keys that sign access tokens: Ed25519, made once for a deployment, held in memory."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from covey.identity.ports import KeyStore, StoredKey

# An unknown key id may be a key made elsewhere a moment ago, or a stranger's invention: the
# latter must not buy a read of the table each.
RELOAD_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key, ready to use."""

    id: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey


class SigningKeys:
    """The keys of this deployment; the newest signs, all verify."""

    def __init__(self, store: KeyStore, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, SigningKey] = {}
        self._loaded = float("-inf")

    def current(self) -> SigningKey:
        """The key to sign with; the first call of a deployment makes it."""
        if not self._keys:
            self._load(known="")
        return next(reversed(self._keys.values()))

    def public(self, id: str) -> Ed25519PublicKey | None:
        """The key to verify with, or None when there is no such key."""
        if id not in self._keys:
            self._load(known=id)
        key = self._keys.get(id)
        return key.public if key else None

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517, RFC 8037)."""
        self.current()
        return {
            "keys": [
                {**_jwk(key.public), "kid": key.id, "use": "sig", "alg": "EdDSA"}
                for key in self._keys.values()
            ]
        }

    def _load(self, *, known: str) -> None:
        with self._lock:
            recently = self._clock() - self._loaded < RELOAD_SECONDS
            if self._keys and (known in self._keys or recently):
                return
            stored = self._store.all() or self._first()
            # A new dict, so that a reader without the lock sees the old or the new, whole.
            self._keys = {key.id: key for key in map(_restore, stored)}
            self._loaded = self._clock()

    def _first(self) -> list[StoredKey]:
        private = Ed25519PrivateKey.generate()
        made = StoredKey(
            id=thumbprint(private.public_key()),
            private=private.private_bytes_raw(),
            created=int(self._clock()),
        )
        # Many processes may start at once: one of them wins, all use the winner's.
        return [made] if self._store.add(1, made) else list(self._store.all())


def thumbprint(public: Ed25519PublicKey) -> str:
    """The key's id: SHA-256 of its canonical JWK (RFC 7638, RFC 8037 appendix A.3)."""
    jwk = _jwk(public)
    canonical = f'{{"crv":"{jwk["crv"]}","kty":"{jwk["kty"]}","x":"{jwk["x"]}"}}'
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _restore(stored: StoredKey) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(stored.private)
    return SigningKey(stored.id, private, private.public_key())


def _jwk(public: Ed25519PublicKey) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": _base64url(public.public_bytes_raw())}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
