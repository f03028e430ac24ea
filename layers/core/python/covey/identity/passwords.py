"""Passwords: which are taken, how they are kept, what a wrong one costs.

Kept as argon2id with OWASP's parameters (Password Storage Cheat Sheet: 19 MiB, two passes, one
lane). Taken by NIST SP 800-63B, 5.1.1.2: length is all that is asked for, no composition rules,
Unicode normalised by NFKC before hashing, the commonest passwords refused.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 8
MAX_LENGTH = 256

# Nothing matches it: the hash was chosen, not computed, and finding a password for it is breaking
# argon2. Its parameters are today's, so that an unknown e-mail costs what a known one does.
_STAND_IN = "$argon2id$v=19$m=19456,t=2,p=1$Y292ZXktc3RhbmQtaW4tMQ$" + "A" * 43

_COMMONEST = """
    00000000 11111111 111111111 1111111111 11223344 12341234 12344321 1234567 12345678 123456789
    1234567890 12345679 1234qwer 123123123 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qaz2wsx3edc 123qweasd
    22222222 55555555 66666666 77777777 87654321 88888888 987654321 99999999 0123456789 a1234567
    a12345678 aa123456 aa12345678 abc12345 abcd1234 abcdefgh abcdefg1 administrator admin123
    admin1234 asdf1234 asdfasdf asdfghjk asdfghjkl asdfghjkl1 baseball butterfly changeme
    changeme1 computer dragon123 football football1 iloveyou iloveyou1 jennifer letmein1
    letmein123 liverpool master123 metallica michelle monkey123 p@ssw0rd p@ssword passw0rd
    password password1 password12 password123 password1234 princess princess1 q1w2e3r4
    q1w2e3r4t5 qazwsxedc qwer1234 qwert123 qwerty12 qwerty123 qwerty1234 qwerty12345 qwertyui
    qwertyuiop samsung1 starwars sunshine sunshine1 superman trustno1 welcome1 welcome123
    whatever zaq12wsx zxcvbnm1 zxcvbnm123
"""


class UnacceptableError(ValueError):
    """A password that may not be chosen; `code` is stable, the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@cache
def _common() -> frozenset[str]:
    return frozenset(_COMMONEST.split())


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


def check(password: str, *, email: str = "") -> None:
    """Raise UnacceptableError unless `password` may be chosen by the owner of `email`."""
    text = normalised(password).decode()
    if min(len(password), len(text)) < MIN_LENGTH:
        raise UnacceptableError("too_short", f"must have at least {MIN_LENGTH} characters")
    folded = text.casefold()
    if folded in _common() or len(set(folded)) == 1 or folded == email.casefold():
        raise UnacceptableError("too_common", "is among the first that anybody would try")


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
