"""API keys: what one is, how it is written, where it is kept.

A key is ``cvk_{name}_{secret}``: scanners find it by its prefix and prove it by the checksum in
the last seven characters, without asking anybody. Its name holds where it is kept, so that the
key, its user and their account are one read: ``s{id}`` for a key of the service, ``u{id}{user}``
for a user's. All in lower-case base32 (RFC 4648), which has no underscore.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from covey.collections.model import Collection
from covey.errors import Unauthenticated
from covey.identity.ports import Account
from covey.identity.scopes import Scopes
from covey.records.model import Record

PREFIX = "cvk_"
_ID, _SECRET, _CHECK = 16, 52, 7  # characters of 10, 32 and 4 bytes
_MAX_USER = 410  # of 256 bytes
_NAME = re.compile(rf"([su])([a-z2-7]{{{_ID}}})([a-z2-7]{{0,{_MAX_USER}}})")
_SHAPE = re.compile(
    rf"{PREFIX}([su][a-z2-7]{{{_ID},{_ID + _MAX_USER}}})_([a-z2-7]{{{_SECRET}}})"
    rf"([a-z2-7]{{{_CHECK}}})"
)


@dataclass(frozen=True, slots=True)
class Name:
    """Which key: of a user, or with `user` "" of the service."""

    id: str
    user: str = ""

    def text(self) -> str:
        """As a key spells it."""
        return f"u{self.id}{_base32(self.user.encode())}" if self.user else f"s{self.id}"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key; `secret` is a hash. Times are in seconds, 0 for never.

    `roles` are those of a service key. `generation` is the account's when a user's key was made:
    whatever ends all sessions of a user ends their keys.
    """

    name: Name
    title: str
    secret: str
    scopes: Scopes
    created: int
    maker: str
    expires: int = 0
    used: int = 0
    roles: tuple[str, ...] = ()
    generation: int = 0

    @property
    def kind(self) -> str:
        """Whose it is: ``user`` or ``service``."""
        return "user" if self.name.user else "service"


Holder = tuple[ApiKey | None, Account | None, Record | None]
"""A key, and of a user's key the account and the record."""


class ApiKeyStore(Protocol):
    """Where keys are kept; `covey.testing.api_keys.MemoryApiKeyStore` is its twin."""

    def add(self, key: ApiKey, guard: dict[str, Any] | None) -> bool:
        """Keep a new key in one transaction with `guard`; False where that failed."""
        ...

    def of(self, user: str) -> Sequence[ApiKey]:
        """The keys of a user, or with "" of the service, read consistently."""
        ...

    def load(self, users: Collection, name: Name) -> Holder:
        """A key and whom it stands for, as they are now, in one consistent read."""
        ...

    def end(self, name: Name) -> bool:
        """Forget the key; whether it was there."""
        ...

    def touch(self, key: ApiKey, now: int) -> None:
        """Note that it was used at `now`, where it is still there and `key.used` still kept."""
        ...


def mint(user: str = "") -> tuple[Name, str, str]:
    """A new key: its name, its token and the hash of its secret."""
    name = Name(_base32(secrets.token_bytes(10)), user)
    secret = _base32(secrets.token_bytes(32))
    start = f"{PREFIX}{name.text()}_{secret}"
    return name, start + _checksum(start), digest(secret)


def parse(token: str) -> tuple[Name, str]:
    """The name and the secret of a token; raises Unauthenticated("invalid_token")."""
    match = _SHAPE.fullmatch(token) if token.isascii() else None
    if match is None or _checksum(token[:-_CHECK]) != match[3]:
        raise invalid()
    name = named(match[1])
    if name is None:
        raise invalid()
    return name, match[2]


def named(text: str) -> Name | None:
    """The name that `Name.text` spelt so."""
    match = _NAME.fullmatch(text)
    if match is None or (match[1] == "s") != (not match[3]):
        return None
    try:
        user = base64.b32decode(match[3].upper() + "=" * (-len(match[3]) % 8)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    name = Name(match[2], user)
    return name if name.text() == text else None  # one key, one spelling


def digest(secret: str) -> str:
    """The hash to keep: SHA-256 serves, as the secret is 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def invalid() -> Unauthenticated:
    """The one answer to whatever is wrong with a key."""
    return Unauthenticated("The API key is malformed, expired or not ours.", code="invalid_token")


def _checksum(text: str) -> str:
    return _base32(zlib.crc32(text.encode()).to_bytes(4, "big"))


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()
