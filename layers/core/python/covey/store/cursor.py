"""Cursors: one logical position of one list, sealed so that none can be read, made or altered.

A position is the encoded sort values and the id, so that a cursor holds at any shard count,
whichever indexes serve the rest, and when the record that it names is gone. Sealed with
AES-256-GCM under a key per day (HKDF-SHA256 of the deployment's secret), so that random nonces
stay far below their limit (NIST SP 800-38D, 8.3). What it is bound to (collection, filter, sort,
caller) is authenticated with it, and not inside it.
"""

from __future__ import annotations

import secrets
import struct
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from covey.collections.model import Collection
from covey.errors import BadRequest
from covey.records.ports import Query
from covey.store.order import TAG_BYTES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LIFETIME = 86_400  # seconds
MAX_LENGTH = 2_000  # characters: the longest position is some 1400
_DAY = 86_400
_HEAD = struct.Struct(">H")  # the day of the key
_BODY = struct.Struct(f">IB{TAG_BYTES}s")  # expiry in seconds, flags, order
_BACKWARD, _INCLUSIVE = 1, 2
_NONCE = 12
_FORM = "2"  # of what is sealed: a cursor of another form is not one of this list


class Position(NamedTuple):
    """A place in the order of a list that is called `tag`, and which way to go on from there.

    `inclusive` says that a record that stands there is still to come.
    """

    tag: bytes
    at: bytes
    backward: bool = False
    inclusive: bool = False

    def reverse(self) -> Position:
        """The other way: what a list from here leaves out, and nothing else."""
        return Position(self.tag, self.at, not self.backward, not self.inclusive)


class Cursors:
    """Seals and opens positions; `secret` gives the deployment's 32 bytes when first needed."""

    def __init__(self, secret: Callable[[], bytes], clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    def seal(self, collection: Collection, query: Query, position: Position) -> str:
        """The text of a cursor, URL-safe."""
        now = int(self._clock())
        head = _HEAD.pack(now // _DAY)
        nonce = secrets.token_bytes(_NONCE)
        flags = _BACKWARD * position.backward | _INCLUSIVE * position.inclusive
        body = _BODY.pack(now + LIFETIME, flags, position.tag) + position.at
        sealed = _cipher(self._secret(), head).encrypt(
            nonce, body, head + binding(collection, query)
        )
        return urlsafe_b64encode(head + nonce + sealed).rstrip(b"=").decode("ascii")

    def open(self, collection: Collection, query: Query) -> Position | None:
        """The position of the query's cursor, None when it has none.

        Raises BadRequest ``invalid_cursor`` for whatever was not sealed for exactly this
        query, and for one whose time is over.
        """
        if query.cursor is None:
            return None
        secret = self._secret()  # outside: that it cannot be read is not the cursor's fault
        try:
            return self._open(secret, query.cursor, binding(collection, query))
        except Exception as error:  # any fault of a stranger's text is answered alike
            raise invalid_cursor() from error

    def _open(self, secret: bytes, text: str, bound: bytes) -> Position:
        if len(text) > MAX_LENGTH or not text.isascii():
            raise ValueError("not a cursor")
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != text:
            raise ValueError("another text of the same bytes")
        head, nonce = raw[: _HEAD.size], raw[_HEAD.size : _HEAD.size + _NONCE]
        sealed = raw[_HEAD.size + _NONCE :]
        body = _cipher(secret, head).decrypt(nonce, sealed, head + bound)
        expires, flags, tag = _BODY.unpack_from(body)
        if expires < self._clock():
            raise ValueError("too old")
        at = body[_BODY.size :]
        return Position(tag, at, bool(flags & _BACKWARD), bool(flags & _INCLUSIVE))


def binding(collection: Collection, query: Query) -> bytes:
    """A digest of what a cursor holds for; page size and budget may change between pages.

    The caller's own text stands for the filter where it is known: binding has put the present
    instant into the other.
    """
    where = query.filter_text
    if not where and query.where is not None:
        where = query.where.text
    parts = (
        _FORM,
        collection.name,
        query.scope,
        where,
        ",".join(str(key) for key in query.sort),
    )
    return sha256("\0".join(f"{len(part)}:{part}" for part in parts).encode()).digest()


def invalid_cursor() -> BadRequest:
    """The one answer to every cursor that does not hold."""
    return BadRequest("The cursor is not one of this list.", code="invalid_cursor")


@lru_cache(maxsize=8)
def _cipher(secret: bytes, head: bytes) -> AESGCM:
    # Only lists with cursors need it: some 20 ms of import.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(SHA256(), length=32, salt=None, info=b"covey cursor " + head).derive(secret)
    return AESGCM(derived)
