"""Blobs in memory, for tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import md5
from secrets import token_hex

from covey.errors import NotFound
from covey.files.blobs import (
    Blob,
    Received,
    SignedForm,
    SignedUpload,
    checked_key,
    checked_size,
    replaced_object,
    replaced_part,
)


class MemoryBlobs:
    """Passes the tests of the real ones; its links start with ``memory:`` and go nowhere."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._blobs: dict[str, tuple[Blob, bytes]] = {}
        self._uploads: dict[str, tuple[str, dict[int, tuple[str, bytes]]]] = {}

    def put(self, key: str, data: bytes | Iterable[bytes], *, content_type: str) -> Blob:
        """Keep the bytes."""
        whole = data if isinstance(data, bytes) else b"".join(data)
        etag = md5(whole, usedforsecurity=False).hexdigest()
        blob = Blob(checked_key(key), len(whole), content_type, etag, int(self._now() * 1000))
        self._blobs[key] = blob, whole
        return blob

    def _found(self, key: str) -> tuple[Blob, bytes]:
        try:
            return self._blobs[checked_key(key)]
        except KeyError:
            raise NotFound("file") from None

    def get(self, key: str) -> bytes:
        """All bytes."""
        return self._found(key)[1]

    def stream(self, key: str, start: int = 0, *, etag: str = "") -> Iterator[bytes]:
        """The bytes from this offset on, in pieces of three, so that a test sees seams."""
        blob, data = self._found(key)
        if etag and blob.etag != etag:
            raise replaced_object()
        return (data[at : at + 3] for at in range(start, len(data), 3))

    def copy(self, source: str, target: str, *, etag: str, content_type: str) -> Blob:
        """The same bytes under another key."""
        blob, data = self._found(source)
        if blob.etag != etag:
            raise replaced_object()
        return self.put(target, data, content_type=content_type)

    def head(self, key: str) -> Blob:
        """What is known of the object."""
        return self._found(key)[0]

    def delete(self, key: str) -> None:
        """Forget the object."""
        self._blobs.pop(checked_key(key), None)

    def begin_parts(self, key: str, content_type: str) -> str:
        """Begin an object that is sent in parts."""
        checked_key(key)
        upload = token_hex(8)
        self._uploads[f"{upload} {key}"] = content_type, {}
        return upload

    def _parts(self, key: str, upload: str) -> tuple[str, dict[int, tuple[str, bytes]]]:
        try:
            return self._uploads[f"{upload} {key}"]
        except KeyError:
            raise NotFound("upload") from None

    def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """Keep a part."""
        tag = token_hex(8)
        self._parts(key, upload)[1][number] = tag, data
        return tag

    def join_parts(self, key: str, upload: str, tags: Sequence[str]) -> Blob:
        """Make the parts the object."""
        content_type, parts = self._parts(key, upload)
        if [parts.get(number, ("", b""))[0] for number in range(1, len(tags) + 1)] != list(tags):
            raise replaced_part()
        whole = b"".join(parts[number][1] for number in range(1, len(tags) + 1))
        del self._uploads[f"{upload} {key}"]
        return self.put(key, whole, content_type=content_type)

    def drop_parts(self, key: str, upload: str) -> None:
        """Forget the parts."""
        self._uploads.pop(f"{upload} {key}", None)

    def parts(self, key: str, upload: str) -> list[Received]:
        """The parts that are there."""
        parts = self._parts(key, upload)[1]
        return [Received(n, len(data), tag) for n, (tag, data) in sorted(parts.items())]

    def sign_part(
        self, key: str, upload: str, number: int, size: int, expires: int
    ) -> SignedUpload:
        """What a client would be told."""
        until = int(self._now()) + expires
        url = f"memory:{checked_key(key)}?upload={upload}&part={number}&size={size}&expires={until}"
        return {"method": "PUT", "url": url, "headers": {}}

    def sign_form(self, key: str, content_type: str, size: int, expires: int) -> SignedForm:
        """What a client would be told."""
        fields = {"key": checked_key(key), "Content-Type": content_type, "size": str(size)}
        until = str(int(self._now()) + expires)
        return {"method": "POST", "url": "memory:", "fields": {**fields, "expires": until}}

    def sign_upload(
        self, key: str, content_type: str, max_bytes: int, expires: int, *, size: int | None = None
    ) -> SignedUpload:
        """What a client would be told."""
        checked_size(max_bytes, size)
        url = f"memory:{checked_key(key)}?expires={int(self._now()) + expires}&max={max_bytes}"
        return {"method": "PUT", "url": url, "headers": {"Content-Type": content_type}}

    def sign_download(
        self,
        key: str,
        expires: int,
        *,
        filename: str | None = None,
        inline: bool = False,
        cache: str = "",
    ) -> str:
        """What a client would be told."""
        shown = "inline" if inline else "attachment"
        return f"memory:{checked_key(key)}?expires={int(self._now()) + expires}&shown={shown}"
