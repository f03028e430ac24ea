"""Files that nothing holds any more are removed; those that may come back are kept until then.

Changes of records tell which files to look at, and so does the clock, of those that no record
took within a day. What is found at that moment decides, whoever asked: a file that its record
holds stays; one that a removed record or a past version holds stays as long as these are kept;
any other goes. Nothing takes it while it goes: taking it is conditional on what was looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from covey.collections.model import Collection, Keep
from covey.errors import Conflict, CoveyError, NotFound
from covey.files.blobs import Blobs
from covey.files.model import DAY, State, StoredFile, kept_key, upload_key
from covey.files.ports import FileStore, Loose
from covey.records.archive import Archive
from covey.records.attachments import field_of, held
from covey.records.custom_ids import can_hold
from covey.records.model import Change, Record
from covey.records.ports import RecordStore

FOR_EVER_S = 30 * DAY  # between two looks at what is kept without end
RETRY_S = 3_600
PAGE = 100
ATTEMPTS = 5


class Collections(Protocol):
    """Where collections are looked up, those that are being removed among them."""

    def get(self, name: str) -> Collection:
        """The collection; raises NotFound."""
        ...


class Keeping:
    """A consumer of the change pipeline, and what the sweep calls."""

    name = "files"

    def __init__(
        self,
        store: FileStore,
        blobs: Callable[[], Blobs],
        records: RecordStore,
        archive: Archive,
        collections: Collections,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._records = records
        self._archive = archive
        self._collections = collections
        self._clock = clock

    def wants(self, collection: Collection) -> bool:
        """Whether records of this collection hold files."""
        return any(field.type == "file" for field in collection.fields.values())

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        """Look at what each change let go of; twice is as once."""
        for change in changes:
            gone = _files(collection, change.before) - _files(collection, change.after)
            for file_id in sorted(gone):
                self.look(file_id)

    def look(self, file_id: str) -> None:
        """Remove a file that nothing holds, or have it looked at when that may be so."""
        for _ in range(ATTEMPTS):
            file = self._store.get(file_id)
            if file is None:
                return
            try:
                due = self._due(file)
                if due is None:
                    return
                if due > self._now:
                    self._store.later(file_id, due)
                    return
                self.remove(file)
            except Conflict:
                continue  # taken or let go of meanwhile: look again
            return
        raise Conflict("The file keeps changing.")

    def remove(self, file: StoredFile) -> None:
        """Remove the bytes, then what is known of them; raises Conflict where it has moved on."""
        going = file
        if file.state is not State.GOING:
            going = self._saved(file, replace(file, state=State.GOING))
        blobs = self._blobs()
        if going.upload:
            blobs.drop_parts(upload_key(going.id), going.upload)
        blobs.delete(upload_key(going.id))
        if going.token:
            for thumb in ("", *going.thumbs):
                blobs.delete(kept_key(going, thumb))
        self._store.remove(going)

    def sweep(self, time_left: Callable[[], bool]) -> dict[str, int]:
        """Look at what is due until nothing is; how many were looked at, and how many failed."""
        looked = failed = 0
        while time_left():
            due = self._store.loose(self._now, PAGE)
            for one in due:
                looked += 1
                failed += not self._looked(one)
            if len(due) < PAGE:
                break
        return {"files_looked_at": looked, "files_failed": failed}

    def fieldless(self, every: Callable[[], Sequence[Collection]], left: Callable[[], bool]) -> int:
        """Remove the files of fields that were taken out of their collections; how many there were.

        `every` gives the collections as they are now. Fields are listed before they are asked for,
        so that one that is new is not taken for one that is gone.
        """
        lives = {one.life: self._store.fields(one.life) for one in every() if left()}
        removed = 0
        for collection in every():
            keys = {field.key for field in collection.fields.values() if field.type == "file"}
            keys |= {field.key for field in collection.converting.values()}
            for key in sorted(lives.get(collection.life, frozenset()) - keys):
                removed += self._without_field(collection, key, left)
        return removed

    # ---- parts

    @property
    def _now(self) -> int:
        return int(self._clock())

    def _saved(self, before: StoredFile, after: StoredFile) -> StoredFile:
        saved = self._store.save(before, after)
        if saved is None:
            raise Conflict("The file has changed meanwhile.")
        return saved

    def _due(self, file: StoredFile) -> int | None:
        """When to look again, now for what is to go; None for what a record holds."""
        if file.state is State.GOING:
            return self._now
        if not file.record:
            return file.due
        collection = self._collection(file)
        if collection is None or not can_hold(collection, file.record):
            return self._now
        record = self._records.get(collection, file.record, consistent=True)
        if record is not None and field_of(collection, record.values, file.id) is not None:
            return None
        return self._until(collection, file)

    def _until(self, collection: Collection, file: StoredFile) -> int:
        """Until when something may bring back a file that its record holds no more."""
        if collection.ending or (collection.soft_delete is None and collection.history is None):
            return self._now
        if not file.released:
            # Said once, so that the days of the history count from here, whoever looks when.
            file = self._saved(file, replace(file, released=self._now))
        ends = [self._now]
        if collection.history is not None:
            ends.append(self._end(collection.history, file.released * 1000))
        if collection.soft_delete is not None:
            removed = self._archive.buried(collection, file.record)
            if removed and field_of(collection, removed.record.values, file.id):
                ends.append(self._end(collection.soft_delete, removed.ended))
        return max(ends)

    def _end(self, keep: Keep, ended: int) -> int:
        return self._now + FOR_EVER_S if keep.days is None else keep.until(ended)

    def _collection(self, file: StoredFile) -> Collection | None:
        try:
            found = self._collections.get(file.collection)
        except NotFound:
            return None
        return found if found.life == file.life else None

    def _looked(self, one: Loose) -> bool:
        """Look at one, and again in an hour where that fails."""
        try:
            self.look(one.id)
        except CoveyError:
            self._store.later(one.id, self._now + RETRY_S)
            self._store.settle(one)
            return False
        self._store.settle(one)
        return True

    def _without_field(self, collection: Collection, key: str, left: Callable[[], bool]) -> int:
        removed = 0
        while left():
            found = self._store.of_field(collection.life, key, PAGE)
            gone = sum(self._parted(collection, file_id) for file_id in found)
            removed += gone
            if len(found) < PAGE or not gone:
                break
        return removed

    def _parted(self, collection: Collection, file_id: str) -> bool:
        """Remove one file of a field that is gone, or list it under the one that holds it now."""
        file = self._store.get(file_id)
        if file is None:
            return False
        record = None
        if file.record and can_hold(collection, file.record):
            record = self._records.get(collection, file.record, consistent=True)
        field = record and field_of(collection, record.values, file_id)
        if field:
            self._store.refile(file, field.key)
            return False
        try:
            self.remove(file)
        except Conflict:
            return False
        return True


def _files(collection: Collection, record: Record | None) -> frozenset[str]:
    values = {} if record is None else record.values
    return frozenset(file_id for _, _, file_id in held(collection, values))
