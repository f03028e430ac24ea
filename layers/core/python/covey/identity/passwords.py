"""Passwords: which are taken, how they are kept, what a wrong one costs.

Kept as argon2id with OWASP's parameters (Password Storage Cheat Sheet: 19 MiB, two passes, one
lane). Taken by NIST SP 800-63B, 5.1.1.2: length is all that is asked for, no composition rules,
Unicode normalised by NFKC before hashing, the commonest passwords and words of the context
refused.
"""

from __future__ import annotations

import gzip
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from covey.config import settings

MIN_LENGTH = 8
MAX_LENGTH = 256

# Nothing matches it: the hash was chosen, not computed, and finding a password for it is breaking
# argon2. Its parameters are today's, so that an unknown e-mail costs what a known one does.
_STAND_IN = "$argon2id$v=19$m=19456,t=2,p=1$Y292ZXktc3RhbmQtaW4tMQ$" + "A" * 43

_COMMONEST = Path(__file__).with_name("common-passwords.txt.gz")  # see its license beside it
_WORD = re.compile(r"[^\W_]{4,}")  # shorter names are parts of too much else
_LOOKS = str.maketrans("013457@$", "oleastas")


class UnacceptableError(ValueError):
    """A password that may not be chosen; `code` is stable, the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@cache
def _common() -> frozenset[str]:
    return frozenset(gzip.decompress(_COMMONEST.read_bytes()).decode().split("\n"))


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)


def normalised(password: str) -> bytes:
    """The bytes that are hashed; raises UnacceptableError for what no password may be."""
    if len(password) > MAX_LENGTH:
        raise UnacceptableError("too_long", f"must have at most {MAX_LENGTH} characters")
    if "\0" in password:
        raise UnacceptableError("invalid", "must not hold the character NUL")
    try:
        return unicodedata.normalize("NFKC", password).encode()
    except UnicodeEncodeError as exc:
        raise UnacceptableError("invalid", "must be valid Unicode text") from exc


def check(password: str, *, email: str = "", names: Iterable[str] = ()) -> None:
    """Raise UnacceptableError unless `password` may be chosen by the owner of `email`.

    Refused besides the commonest is what anybody would try here, or with this user: the name
    of the product, what is before the @, and the user's `names`.
    """
    text = normalised(password).decode()
    if min(len(password), len(text)) < MIN_LENGTH:
        raise UnacceptableError("too_short", f"must have at least {MIN_LENGTH} characters")
    folded = text.casefold()
    if folded in _common() or len(set(folded)) == 1 or folded == email.casefold():
        raise UnacceptableError("too_common", "is among the first that anybody would try")
    told = (settings().product_name, email.partition("@")[0], *names)
    if any(word in spelt for word in _words(told) for spelt in (folded, folded.translate(_LOOKS))):
        raise UnacceptableError("too_personal", "must not hold your name or that of the product")


def _words(told: Iterable[str]) -> set[str]:
    """The words of names, as passwords are compared with them."""
    plain = " ".join(unicodedata.normalize("NFKC", one)[:200] for one in told).casefold()
    return set(_WORD.findall(plain))


def digest(password: str) -> str:
    """The hash to keep, with its parameters and salt (PHC string)."""
    return _hasher().hash(normalised(password))


def verify(kept: str | None, password: str) -> bool:
    """Whether `password` is the one behind `kept`, at the same cost whatever the answer.

    `kept` None (no such account) and a password that could never have been chosen both pay for
    one full hash and answer False.
    """
    try:
        given = normalised(password)
    except UnacceptableError:
        kept, given = None, b""
    try:
        return _hasher().verify(kept or _STAND_IN, given) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def outdated(kept: str) -> bool:
    """Whether `kept` was made with other parameters than today's and wants renewal."""
    return _hasher().check_needs_rehash(kept)
