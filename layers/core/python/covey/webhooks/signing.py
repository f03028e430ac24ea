"""Secrets and signatures, by Standard Webhooks (standardwebhooks.com, specification 1.0)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"
SECRET_BYTES = 32  # the specification asks for 24 to 64
ID_PREFIX = "msg_"


def make_secret() -> str:
    """A secret as receivers are given it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def message_id(delivery: str) -> str:
    """The webhook-id of a delivery."""
    return ID_PREFIX + delivery


def headers(delivery: str, seconds: int, body: bytes, keys: Iterable[str]) -> dict[str, str]:
    """The headers of one attempt at `seconds`, signed with each of the secrets."""
    told = message_id(delivery)
    signatures = [_signature(key, told, seconds, body) for key in keys]
    return {
        "webhook-id": told,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signatures),
    }


def _signature(secret: str, told: str, seconds: int, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{told}.{seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
