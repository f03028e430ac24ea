"""Recovery codes: for who has lost the authenticator app. Each is good once.

16 letters of 32, 80 random bits: too many to try, even for who has their hashes.
"""

from __future__ import annotations

import hashlib
import re
import secrets

COUNT = 10
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_SHAPE = re.compile(f"[{_LETTERS}]{{16}}")


def new_codes() -> list[str]:
    """Ten codes as they are shown: ``k7qh-…``."""
    return [_new() for _ in range(COUNT)]


def digest(user: str, code: str) -> str:
    """What is kept of a code."""
    return hashlib.sha256(f"{user}\0{normal(code)}".encode()).hexdigest()


def normal(code: str) -> str:
    """A code as it is compared, or "" for what is none: as people type it, by eye and by hand."""
    if len(code) > 64 or not code.isascii():
        return ""
    bare = code.lower().replace("-", "").replace(" ", "")
    bare = bare.replace("o", "0").replace("i", "1").replace("l", "1")
    return bare if _SHAPE.fullmatch(bare) else ""


def _new() -> str:
    code = "".join(secrets.choice(_LETTERS) for _ in range(16))
    return "-".join(code[start : start + 4] for start in range(0, 16, 4))
