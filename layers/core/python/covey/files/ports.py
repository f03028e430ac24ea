"""What files need besides their bytes: where they are known, and who looks into pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from covey.files.model import StoredFile


class Loose(NamedTuple):
    """A file to look at: when, in seconds, and which."""

    due: int
    id: str


class FileStore(Protocol):
    """Where files are known; `covey.store.files` and `covey.testing.files`.

    Reads are consistent.
    """

    def reserve(self, file: StoredFile) -> None:
        """Keep a new file, and that it is to be looked at when it is due: 6 write units."""
        ...

    def get(self, file_id: str) -> StoredFile | None:
        """The file of this id."""
        ...

    def save(self, before: StoredFile, after: StoredFile) -> StoredFile | None:
        """Write over `before`, and give what was written; None if it has moved on."""
        ...

    def attaching(self, file: StoredFile, record_id: str) -> list[dict[str, Any]]:
        """Raw items for the transaction that writes a record which holds the file.

        They fail where the file has moved on.
        """
        ...

    def looking(self, file_id: str, due: int) -> list[dict[str, Any]]:
        """Raw items for a transaction after which the file is looked at (again) then."""
        ...

    def later(self, file_id: str, due: int) -> None:
        """Have a file looked at (again) then."""
        ...

    def loose(self, until: int, limit: int) -> Sequence[Loose]:
        """Files that are to be looked at up to then, at most about so many."""
        ...

    def settle(self, one: Loose) -> None:
        """Do not look at it then."""
        ...

    def fields(self, life: str) -> frozenset[str]:
        """The keys of fields for which there are files, of a collection's life."""
        ...

    def of_field(self, life: str, field: str, limit: int) -> Sequence[str]:
        """The ids of some files of a field."""
        ...

    def refile(self, file: StoredFile, field: str) -> None:
        """List it under another field, where a conversion gave the field another key."""
        ...

    def remove(self, file: StoredFile) -> None:
        """Forget it; again is no error."""
        ...


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was written anew: nothing but its pixels and their colours is left.

    `thumbs` has what could be made of what was asked for.
    """

    data: bytes
    width: int
    height: int
    thumbs: Mapping[str, bytes]


class RefusedError(Exception):
    """Bytes that are not what they were said to be; `reason` is a code of errors.md."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Pictures(Protocol):
    """Looks into pictures; `covey_images.pictures` does."""

    def process(self, data: bytes, media_type: str, thumbs: Sequence[str]) -> Picture:
        """The picture of this type; raises RefusedError for what is none, or too much of one."""
        ...
