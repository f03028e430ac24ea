"""A file as it is known: reserved by a caller for a field, then a record's own."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from covey.records.time import rfc3339

DAY = 86_400
PART = 16_777_216  # bytes of each part but the last, of a file that is sent in parts
WHOLE = 104_857_600  # the most bytes that are sent at once
MOST = 5_368_709_120  # of any file: what object stores copy at once (Amazon S3, CopyObject)
MOST_PICTURE = 52_428_800  # of a picture, which is decoded in memory
KEPT_S = DAY  # how long a file may wait for its record

_ID = re.compile(r"[a-v0-9]{26}")


class State(StrEnum):
    """How far a file is."""

    RESERVED = "reserved"  # its bytes may be sent
    UPLOADED = "uploaded"  # they are there, and being looked at
    READY = "ready"  # they are what was declared; a record may hold it
    REFUSED = "refused"  # they were not, and are gone; `reason` says why
    GOING = "going"  # nothing may begin to use it: it is being removed


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file. Times are in milliseconds, `due` in seconds: when it is looked whether it is used.

    `owner` is the scope of who reserved it; `life` and `field` (its key) say for what. `record`
    is the record that holds or has held it; at `released`, in seconds, it was seen there no more, 0
    while it is. `upload` names an upload in parts. `token` names the stored bytes; `size`, `type`
    and `sha256` are theirs once it is ready. `revision` rises with every write: each is conditional
    on it.
    """

    id: str
    collection: str
    life: str
    field: str
    owner: str
    name: str
    type: str
    size: int
    created: int
    due: int
    state: State = State.RESERVED
    record: str = ""
    upload: str = ""
    token: str = ""
    sha256: str = ""
    width: int = 0
    height: int = 0
    thumbs: tuple[str, ...] = ()
    reason: str = ""
    released: int = 0
    revision: int = 0

    def document(self, field: str | None) -> dict[str, Any]:
        """What its owner, and whoever reads its record, is told; `field` by its name of now."""
        told: dict[str, Any] = {
            "id": self.id,
            "state": str(self.state),
            "collection": self.collection,
            "field": field,
            "record": self.record or None,
            "name": self.name,
            "type": self.type,
            "size": self.size,
            "created": rfc3339(self.created),
            "url": f"/files/{self.id}" if self.state is State.READY else None,
        }
        if self.state is State.READY:
            told |= {"sha256": self.sha256, "thumbs": list(self.thumbs)}
        if self.width:
            told |= {"width": self.width, "height": self.height}
        return told | ({"reason": self.reason} if self.reason else {})

    @property
    def etag(self) -> str:
        """The strong entity tag of its bytes."""
        return f'"{self.sha256[:32]}"'


def new_id() -> str:
    """130 bits that nobody can guess, as text."""
    return base64.b32hexencode(secrets.token_bytes(17)).decode().lower()[:26]


def is_id(text: str) -> bool:
    """Whether a text has the shape of a file's id."""
    return _ID.fullmatch(text) is not None


def upload_key(file_id: str) -> str:
    """Where the bytes of a file arrive; nothing is ever served from there."""
    return f"uploads/{file_id}"


def id_of(key: str) -> str | None:
    """The file whose bytes arrive under a key; None for any other object."""
    folder, _, file_id = key.partition("/")
    return file_id if folder == "uploads" and is_id(file_id) else None


def kept_key(file: StoredFile, thumb: str = "") -> str:
    """Where its bytes are kept, or those of a thumbnail; clients never write there."""
    return f"files/{file.id}/{file.token}/{thumb or 'original'}"
