"""Stored files in memory: the twin of `covey.store.files`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from covey.files.model import StoredFile
from covey.files.ports import Loose
from covey.testing.records import MemoryRecordStore


class MemoryFileStore:
    """`FileStore` in dictionaries; its raw items are read from what the store has written.

    Their conditions hold here whatever is there.
    """

    def __init__(self, store: MemoryRecordStore | None = None) -> None:
        self._store = store
        self._read = 0
        self._files: dict[str, StoredFile] = {}
        self._loose: set[Loose] = set()

    def reserve(self, file: StoredFile) -> None:
        """As `FileStore.reserve`."""
        self._files[file.id] = file
        self._loose.add(Loose(file.due, file.id))

    def get(self, file_id: str) -> StoredFile | None:
        """As `FileStore.get`."""
        return self._all().get(file_id)

    def save(self, before: StoredFile, after: StoredFile) -> StoredFile | None:
        """As `FileStore.save`."""
        found = self._all().get(before.id)
        if found is None or found.revision != before.revision:
            return None
        self._files[after.id] = replace(after, revision=before.revision + 1)
        return self._files[after.id]

    def attaching(self, file: StoredFile, record_id: str) -> list[dict[str, Any]]:
        """As `FileStore.attaching`."""
        return [{"Attach": (file.id, record_id)}]

    def looking(self, file_id: str, due: int) -> list[dict[str, Any]]:
        """As `FileStore.looking`."""
        return [{"Look": Loose(due, file_id)}]

    def later(self, file_id: str, due: int) -> None:
        """As `FileStore.later`."""
        self._loose.add(Loose(due, file_id))

    def loose(self, until: int, limit: int) -> Sequence[Loose]:
        """As `FileStore.loose`."""
        self._all()
        return sorted(one for one in self._loose if one.due <= until)[:limit]

    def settle(self, one: Loose) -> None:
        """As `FileStore.settle`."""
        self._loose.discard(one)

    def fields(self, life: str) -> frozenset[str]:
        """As `FileStore.fields`."""
        return frozenset(file.field for file in self._all().values() if file.life == life)

    def of_field(self, life: str, field: str, limit: int) -> Sequence[str]:
        """As `FileStore.of_field`."""
        every = self._all().values()
        return [one.id for one in every if (one.life, one.field) == (life, field)][:limit]

    def refile(self, file: StoredFile, field: str) -> None:
        """As `FileStore.refile`."""
        self.save(file, replace(file, field=field))

    def remove(self, file: StoredFile) -> None:
        """As `FileStore.remove`."""
        self._all().pop(file.id, None)

    def _all(self) -> dict[str, StoredFile]:
        written = [] if self._store is None else self._store.written
        for item in written[self._read :]:
            if "Attach" in item:
                file_id, record_id = item["Attach"]
                file = self._files[file_id]
                self._files[file_id] = replace(
                    file, record=record_id, released=0, revision=file.revision + 1
                )
            if "Look" in item:
                self._loose.add(item["Look"])
        self._read = len(written)
        return self._files
