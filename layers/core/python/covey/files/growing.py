"""An object that is written over several runs of a job, each going on where the last one saved.

What was written becomes parts of the object (see `Blobs.begin_parts`) once there is enough for
one; the rest, the tail, is an object of its own meanwhile. `saved` makes all of it durable and
tells, in JSON's terms, what a later run needs to go on. A run that dies leaves at most parts and
tails that no saved state names: they count for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from covey.errors import NotFound, TooLarge
from covey.files.blobs import MIN_PART, Blob, Blobs

PART = 8_388_608  # bytes
MAX_PARTS = 2_000  # so that the state stays small beside a job: 16 GB in all


class Growing:
    """One object in the making; `state` is what `saved` told last, empty at first."""

    def __init__(
        self,
        blobs: Blobs,
        key: str,
        content_type: str,
        state: Mapping[str, Any],
        *,
        part: int = PART,
    ) -> None:
        self._blobs = blobs
        self._key = key
        self._type = content_type
        self._part = max(part, MIN_PART)
        self._upload: str = state.get("upload", "")
        self._tags: list[str] = list(state.get("tags", ()))
        self._tail: str = state.get("tail", "")
        self._former: str = state.get("former", "")  # the tail of the state before this one
        self._rest = bytearray(blobs.get(self._tail) if self._tail else b"")
        self._changed = False
        self.size: int = state.get("size", 0)

    def write(self, data: bytes) -> None:
        """Add bytes; raises TooLarge."""
        self._rest += data
        self.size += len(data)
        self._changed = True
        while len(self._rest) >= self._part:
            self._add(bytes(self._rest[: self._part]))
            del self._rest[: self._part]

    def saved(self) -> dict[str, Any]:
        """Make everything durable; the state, to be kept with what was written so far."""
        if self._changed:
            if self._former:
                self._blobs.delete(self._former)
            self._former, self._tail, self._changed = self._tail, "", False
            if self._rest:
                self._tail = f"{self._key}.tail-{token_hex(6)}"
                self._blobs.put(self._tail, bytes(self._rest), content_type=self._type)
        return {
            "upload": self._upload,
            "tags": list(self._tags),
            "tail": self._tail,
            "former": self._former,
            "size": self.size,
        }

    def finish(self) -> Blob:
        """Make it the object; again, by a run that does not know of the first time, changes
        nothing. What that run would need stays until `clear`. Raises Conflict ``part_replaced``.
        """
        return self._joined() if self._upload else self._put()

    def clear(self) -> None:
        """Forget what only a run would need that goes on from here."""
        for tail in filter(None, (self._tail, self._former)):
            self._blobs.delete(tail)

    def abandon(self) -> None:
        """Leave nothing behind."""
        if self._upload:
            self._blobs.drop_parts(self._key, self._upload)
        self.clear()

    def _put(self) -> Blob:
        return self._blobs.put(self._key, bytes(self._rest), content_type=self._type)

    def _joined(self) -> Blob:
        try:
            if self._rest:
                self._add(bytes(self._rest))
                self._rest.clear()
            return self._blobs.join_parts(self._key, self._upload, self._tags)
        except NotFound:  # joined by a run that ended before it could say so
            return self._blobs.head(self._key)

    def _add(self, data: bytes) -> None:
        if len(self._tags) == MAX_PARTS:
            raise TooLarge(f"A file has at most {MAX_PARTS * self._part} bytes.")
        self._upload = self._upload or self._blobs.begin_parts(self._key, self._type)
        number = len(self._tags) + 1
        self._tags.append(self._blobs.put_part(self._key, self._upload, number, data))
