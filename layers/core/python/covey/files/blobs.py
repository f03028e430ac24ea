"""Where bytes are kept: the port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypedDict

from covey.errors import BadRequest, Conflict

MAX_KEY = 1024  # bytes in UTF-8, S3's own limit
MIN_PART = 5_242_880  # bytes of every part but the last (Amazon S3, multipart upload limits)


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored object. ``etag`` changes with its bytes; ``modified`` is in milliseconds."""

    key: str
    size: int
    content_type: str
    etag: str
    modified: int


class SignedUpload(TypedDict):
    """A request that anybody who holds it may make, until it expires."""

    method: str
    url: str
    headers: dict[str, str]


class SignedForm(TypedDict):
    """A form that anybody who holds it may post, with its file as the last field ``file``."""

    method: str
    url: str
    fields: dict[str, str]


class Received(NamedTuple):
    """A part of an object in the making."""

    number: int
    size: int
    tag: str


class Blobs(Protocol):
    """One bucket; implemented by S3, by a directory and in memory.

    A key that is not there raises NotFound. Writing replaces the whole object at once: a
    reader sees the old bytes or the new ones.
    """

    def put(self, key: str, data: bytes | Iterable[bytes], *, content_type: str) -> Blob:
        """Store the bytes durably."""
        ...

    def get(self, key: str) -> bytes:
        """All bytes."""
        ...

    def stream(self, key: str, start: int = 0, *, etag: str = "") -> Iterator[bytes]:
        """The bytes from this offset on, in pieces; nothing for an offset behind the end.

        With `etag` they are those of this tag, or Conflict ``object_replaced``.
        """
        ...

    def copy(self, source: str, target: str, *, etag: str, content_type: str) -> Blob:
        """Store the bytes of `source` as `target` too, without sending them through here.

        Conflict ``object_replaced``, changing nothing, unless they are those of this tag.
        """
        ...

    def head(self, key: str) -> Blob:
        """What is known of the object."""
        ...

    def delete(self, key: str) -> None:
        """Forget the object; one that is not there is no error."""
        ...

    def begin_parts(self, key: str, content_type: str) -> str:
        """The id of an object that is sent in parts, nothing of which is seen before `join_parts`.

        Parts outlive this process; those that are never joined are forgotten after a day or more.
        """
        ...

    def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """Keep part `number`, from 1 on, durably; its tag. The same number again replaces it.

        Every part but the last has at least `MIN_PART` bytes. NotFound when the parts were
        joined or dropped.
        """
        ...

    def join_parts(self, key: str, upload: str, tags: Sequence[str]) -> Blob:
        """Make the parts of these tags, numbers 1 to the last, the object.

        NotFound when that was done or they were dropped; Conflict ``part_replaced``, changing
        nothing, when a part is not the one of its tag.
        """
        ...

    def drop_parts(self, key: str, upload: str) -> None:
        """Forget parts that will not be joined; no matter whether they are there."""
        ...

    def parts(self, key: str, upload: str) -> list[Received]:
        """The parts that are there, by number; of one that was sent again the last.

        NotFound when they were joined or dropped.
        """
        ...

    def sign_part(
        self, key: str, upload: str, number: int, size: int, expires: int
    ) -> SignedUpload:
        """A PUT of this part, of exactly ``size`` bytes, within ``expires`` seconds."""
        ...

    def sign_form(self, key: str, content_type: str, size: int, expires: int) -> SignedForm:
        """A form upload of this very type and exactly ``size`` bytes (S3's POST policy).

        Fields beside those given are refused.
        """
        ...

    def sign_upload(
        self, key: str, content_type: str, max_bytes: int, expires: int, *, size: int | None = None
    ) -> SignedUpload:
        """A PUT of this very type within ``expires`` seconds, of ``size`` bytes when it is given.

        Without ``size`` a directory takes up to ``max_bytes``; S3 cannot bound such a PUT, so
        what was uploaded must be looked at before it is used.
        """
        ...

    def sign_download(
        self,
        key: str,
        expires: int,
        *,
        filename: str | None = None,
        inline: bool = False,
        cache: str = "",
    ) -> str:
        """The URL of a GET within ``expires`` seconds, saved under ``filename``, or shown `inline`.

        ``cache`` is the Cache-Control of the answer.
        """
        ...


def checked_key(key: str) -> str:
    """The key, or BadRequest ``invalid_key``: empty, too long, or not UTF-8."""
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        length = 0
    if not 1 <= length <= MAX_KEY:
        raise BadRequest(f"A key has 1 to {MAX_KEY} bytes of UTF-8.", code="invalid_key")
    return key


def checked_size(max_bytes: int, size: int | None) -> None:
    """Raise BadRequest ``invalid_size`` for a size that its own limit forbids."""
    if size is not None and not 0 <= size <= max_bytes:
        raise BadRequest(f"An upload here has 0 to {max_bytes} bytes.", code="invalid_size")


def replaced_object() -> Conflict:
    """The error for an object that is no longer the one that was looked at."""
    return Conflict("The object was replaced meanwhile.", code="object_replaced")


def replaced_part() -> Conflict:
    """The error for a part that somebody else has written over."""
    return Conflict("A part of the object was replaced meanwhile.", code="part_replaced")
