"""What records were: their past versions, and the records that were removed softly.

Versions are kept from the change stream by `Keeper`, so that no write waits for them: the image
from before a change is a version, under the creation of its record and its number. Told twice,
late or out of order, a change leaves the same. A removed record moves, in the transaction that
removes it, to a place of its own where no list, index or count comes by.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from covey.collections.model import Collection
from covey.records.model import Change, ChangeKind, Record


@dataclass(frozen=True, slots=True)
class Version:
    """What a record was until `ended`, in milliseconds; `removed` where its removal ended it.

    `remover` is the scope of who removed it, where that is known.
    """

    record: Record
    ended: int
    removed: bool = False
    remover: str | None = None


class Place(NamedTuple):
    """Where a version stands among those of its record: they come newest first."""

    created: int
    version: int


class Archive(Protocol):
    """Where they are kept; `covey.store.archive` and `covey.testing.archive`.

    What the collection keeps for so many days is gone when they are over, also where it is
    still stored.
    """

    def keep(self, collection: Collection, versions: Sequence[Version]) -> None:
        """Keep versions; one that is there already is written again, with the same content."""
        ...

    def versions(
        self,
        collection: Collection,
        record_id: str,
        *,
        since: int,
        before: Place | None,
        limit: int,
    ) -> Sequence[Version]:
        """Versions of records of this id created at `since` or later, newest first."""
        ...

    def version(self, collection: Collection, record_id: str, place: Place) -> Version | None:
        """One version."""
        ...

    def bury(self, collection: Collection, removed: Version) -> list[dict[str, Any]]:
        """Raw items for the transaction that removes a record, which keep what it was."""
        ...

    def unbury(self, collection: Collection, removed: Version) -> list[dict[str, Any]]:
        """Raw items for the transaction that brings it back, which fail where it is not there."""
        ...

    def forget(self, collection: Collection, record_id: str) -> list[dict[str, Any]]:
        """Raw items for a transaction after which nothing is buried under this id."""
        ...

    def reopen(self, collection: Collection, record_id: str) -> list[dict[str, Any]]:
        """Raw items for the transaction that makes a removed record again, with its old age.

        Others may then refer to it as before.
        """
        ...

    def buried(self, collection: Collection, record_id: str) -> Version | None:
        """The removed record of this id, read consistently."""
        ...

    def all_buried(self, collection: Collection, before: str | None, limit: int) -> list[Version]:
        """Removed records with ids below `before`, the highest first."""
        ...

    def erase(self, collection: Collection, limit: int) -> int:
        """Forget at most `limit` removed records for good; how many there were."""
        ...


class Keeper:
    """The consumer of changes that keeps versions."""

    name = "history"

    def __init__(self, archive: Archive, clock: Callable[[], float] = time.time) -> None:
        self._archive = archive
        self._clock = clock

    def wants(self, collection: Collection) -> bool:
        """Whether versions of this collection are kept."""
        return collection.history is not None and not collection.ending

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        """Keep what each change ended."""
        versions = [self._version(one) for one in changes if one.before is not None]
        if versions:
            self._archive.keep(collection, versions)

    def _version(self, change: Change) -> Version:
        assert change.before is not None  # noqa: S101 - asked for those only
        if change.after is not None:
            return Version(change.before, change.after.updated)
        at = change.at or int(self._clock() * 1000)
        return Version(change.before, at, removed=change.kind is ChangeKind.DELETED)
