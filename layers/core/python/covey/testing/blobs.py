"""Blobs in memory, for tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from hashlib import md5

from covey.errors import NotFound
from covey.files.blobs import Blob, SignedUpload, checked_key, checked_size


class MemoryBlobs:
    """Passes the tests of the real ones; its links start with ``memory:`` and go nowhere."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._blobs: dict[str, tuple[Blob, bytes]] = {}

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

    def stream(self, key: str, start: int = 0) -> Iterator[bytes]:
        """The bytes from this offset on, in pieces of three, so that a test sees seams."""
        data = self._found(key)[1]
        return (data[at : at + 3] for at in range(start, len(data), 3))

    def head(self, key: str) -> Blob:
        """What is known of the object."""
        return self._found(key)[0]

    def delete(self, key: str) -> None:
        """Forget the object."""
        self._blobs.pop(checked_key(key), None)

    def sign_upload(
        self, key: str, content_type: str, max_bytes: int, expires: int, *, size: int | None = None
    ) -> SignedUpload:
        """What a client would be told."""
        checked_size(max_bytes, size)
        url = f"memory:{checked_key(key)}?expires={int(self._now()) + expires}&max={max_bytes}"
        return {"method": "PUT", "url": url, "headers": {"Content-Type": content_type}}

    def sign_download(self, key: str, expires: int, *, filename: str | None = None) -> str:
        """What a client would be told."""
        return f"memory:{checked_key(key)}?expires={int(self._now()) + expires}"
