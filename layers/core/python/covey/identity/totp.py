"""Codes of authenticator apps (RFC 6238): six digits, SHA-1, steps of 30 seconds.

These are the values that all apps know. A code holds for its step and the ones beside it, for
clocks that differ, and is good once: the last step used is kept, and none up to it is taken again.
"""

from __future__ import annotations

import hmac
import re

import pyotp

STEP_S = 30
AROUND = 1  # steps before and after
_SHAPE = re.compile("[0-9]{6}")


def new_secret() -> str:
    """160 random bits in base 32 (RFC 4226, 4: at least 128)."""
    return pyotp.random_base32()


def uri(secret: str, *, name: str, product: str) -> str:
    """What the QR code says: ``otpauth://totp/…`` (Google's key URI format)."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=product)


def normal(code: str) -> str:
    """A code as it is compared, or "" for what is none; apps show a space in the middle."""
    bare = code.replace(" ", "") if len(code) <= 64 else ""
    return bare if _SHAPE.fullmatch(bare) else ""


def step_of(secret: str, code: str, now: float) -> int | None:
    """The step that `code` belongs to, of those that are taken now."""
    bare = normal(code)
    generator = pyotp.TOTP(secret)
    current = int(now) // STEP_S
    found = None
    for step in range(current - AROUND, current + AROUND + 1):
        if hmac.compare_digest(generator.generate_otp(step), bare):
            found = step
    return found
