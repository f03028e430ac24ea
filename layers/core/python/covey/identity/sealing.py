"""Secrets at rest: AES-256-GCM under a key of this deployment's.

What is sealed for one user does not open for another, and an account's items without the key's
tell nothing.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12


class BrokenSeal(Exception):
    """It was sealed with another key or for somebody else, or it was changed."""


class Seal:
    """Seals texts; the key of 32 bytes is asked for at first use."""

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._key = key

    def close(self, text: str, whose: str) -> str:
        """`text`, sealed for `whose`."""
        nonce = secrets.token_bytes(NONCE)
        sealed = AESGCM(self._key()).encrypt(nonce, text.encode(), whose.encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, whose: str) -> str:
        """What was sealed; raises BrokenSeal."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            return AESGCM(self._key()).decrypt(raw[:NONCE], raw[NONCE:], whose.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError) as exc:
            raise BrokenSeal from exc
