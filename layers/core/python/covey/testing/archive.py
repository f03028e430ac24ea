"""Past versions and removed records in memory: the twin of `covey.store.archive`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from covey.collections.model import Collection, Keep
from covey.records.archive import Place, Version
from covey.testing.records import MemoryRecordStore


class MemoryArchive:
    """`Archive` in dictionaries; what its raw items do is read from what the store has written.

    Conditions of raw items hold here whatever is there.
    """

    def __init__(self, store: MemoryRecordStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._read = 0
        self._versions: dict[tuple[str, str], dict[Place, Version]] = {}
        self._buried: dict[tuple[str, str], Version] = {}

    def keep(self, collection: Collection, versions: Sequence[Version]) -> None:
        """As `Archive.keep`."""
        for one in versions:
            kept = self._versions.setdefault((collection.life, one.record.id), {})
            kept[Place(one.record.created, one.record.version)] = one

    def versions(
        self,
        collection: Collection,
        record_id: str,
        *,
        since: int,
        before: Place | None,
        limit: int,
    ) -> Sequence[Version]:
        """As `Archive.versions`."""
        kept = self._versions.get((collection.life, record_id), {})
        found = [
            version
            for place, version in sorted(kept.items(), reverse=True)
            if place.created >= since
            and (before is None or place < before)
            and self._lives(collection.history, version)
        ]
        return found[:limit]

    def version(self, collection: Collection, record_id: str, place: Place) -> Version | None:
        """As `Archive.version`."""
        found = self._versions.get((collection.life, record_id), {}).get(place)
        return found if found and self._lives(collection.history, found) else None

    def bury(self, collection: Collection, removed: Version) -> list[dict[str, Any]]:
        """As `Archive.bury`."""
        return [{"Bury": ((collection.life, removed.record.id), removed)}]

    def unbury(self, collection: Collection, removed: Version) -> list[dict[str, Any]]:
        """As `Archive.unbury`."""
        record_id = removed.record.id
        return [*self.forget(collection, record_id), *self.reopen(collection, record_id)]

    def forget(self, collection: Collection, record_id: str) -> list[dict[str, Any]]:
        """As `Archive.forget`."""
        return [{"Bury": ((collection.life, record_id), None)}]

    def reopen(self, collection: Collection, record_id: str) -> list[dict[str, Any]]:
        """As `Archive.reopen`."""
        return [{"Reopen": (collection.name, record_id)}]

    def buried(self, collection: Collection, record_id: str) -> Version | None:
        """As `Archive.buried`."""
        found = self._all().get((collection.life, record_id))
        return found if found and self._lives(collection.soft_delete, found) else None

    def all_buried(self, collection: Collection, before: str | None, limit: int) -> list[Version]:
        """As `Archive.all_buried`."""
        found = [
            version
            for (name, record_id), version in sorted(self._all().items(), reverse=True)
            if name == collection.life
            and (before is None or record_id < before)
            and self._lives(collection.soft_delete, version)
        ]
        return found[:limit]

    def erase(self, collection: Collection, limit: int) -> int:
        """As `Archive.erase`."""
        found = self.all_buried(collection, None, limit)
        for one in found:
            self._all().pop((collection.life, one.record.id))
        return len(found)

    def _all(self) -> dict[tuple[str, str], Version]:
        for item in self._store.written[self._read :]:
            if "Reopen" in item:
                self._store.reopen(*item["Reopen"])
            if "Bury" in item:
                key, version = item["Bury"]
                self._buried.pop(key, None)
                if version is not None:
                    self._buried[key] = version
        self._read = len(self._store.written)
        return self._buried

    def _lives(self, keep: Keep | None, version: Version) -> bool:
        return keep is None or keep.days is None or keep.until(version.ended) > self._clock()
