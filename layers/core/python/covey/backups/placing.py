"""One record of a backup into a deployment, by the store, which makes its claims and entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from covey.backups.checking import Row, fits
from covey.backups.ports import Credentials
from covey.collections import builds, users
from covey.collections.model import Collection
from covey.errors import Conflict, CoveyError, Invalid, Unavailable
from covey.fields import expires_at
from covey.records.model import Record
from covey.records.ports import RecordStore, Write, WriteRefused

ATTEMPTS = 5  # of a write that others stand in the way of for a moment


@dataclass(frozen=True, slots=True)
class Placer:
    """Places records; `force` lets them replace those of the same id.

    `caller` is the user who restores: a stand-in, who makes way for a user of the backup with the
    same unique values.
    """

    store: RecordStore
    credentials: Credentials
    collection: Callable[[str], Collection]
    caller: str
    force: bool

    def place(self, row: Row) -> CoveyError | None:
        """What is wrong with a row, or None when its record is there.

        A row may come twice. Raises Unavailable.
        """
        try:
            collection = self.collection(row.collection)
            self._place(collection, row)
        except Unavailable:
            raise
        except CoveyError as refused:
            return refused
        except (AttributeError, TypeError, ValueError) as error:  # of another type than its field
            return Invalid(f"Its values cannot be kept: {error}.")
        return None

    def _place(self, collection: Collection, row: Row) -> None:
        values = {
            name: row.record.values[name] for name in collection.fields if name in row.record.values
        }
        lost = sorted(row.record.values.keys() - values.keys())
        if not fits(collection, row.record):
            raise Invalid("Its id is not one of this collection.", code="invalid_id")
        record = replace(row.record, values=values, expires=expires_at(collection, values))
        also = []
        if row.account is not None and collection.name == users.NAME:
            also.append(self.credentials.creation(record.id, row.account))
        for attempt in range(ATTEMPTS):
            try:
                self._create(collection, record, also)
                break
            except Conflict as conflict:
                taken = conflict.code == "unique_violation"
                if taken and self._make_way(collection, record, also):
                    break
                if conflict.code != "conflict" or attempt + 1 == ATTEMPTS:
                    raise
        if lost:
            raise Invalid(
                f"{collection.name} has no field {', '.join(lost)}; it was left out.",
                code="unknown_field",
            )

    def _create(
        self, collection: Collection, record: Record, also: Sequence[dict[str, Any]]
    ) -> None:
        try:
            self.store.create(collection, record, also=also)
        except Conflict as conflict:
            there = self.store.get(collection, record.id, consistent=True)
            if there is None:
                raise
            if _same(there, record):
                return
            if conflict.code != "exists" or not self.force:
                raise Conflict("Another record has this id.", code="exists") from conflict
            # Later than both, so that no reader's tag of either speaks of it.
            version = max(there.version, record.version) + 1
            self.store.update(
                collection, there, replace(record, created=there.created, version=version)
            )

    def _make_way(
        self, collection: Collection, record: Record, also: Sequence[dict[str, Any]]
    ) -> bool:
        """Whether the stand-in had the value: then the record is there in their place, at once."""
        if collection.name != users.NAME:
            return False
        values = (record.values.get("email"),)
        if self.store.find_unique(collection, ("email",), values) != self.caller:
            return False
        caller = self.store.get(collection, self.caller, consistent=True)
        if caller is None:
            return False
        exchange = (Write(collection, caller, None), Write(collection, None, record))
        try:
            self.store.write(exchange, also=also)
        except WriteRefused as refused:
            raise refused.error from refused
        return True


def _same(there: Record, record: Record) -> bool:
    """Whether it was placed before; in a forced restore under a later version."""
    return there.values == record.values and there.version >= record.version


def ready(collection: Collection) -> Collection:
    """The collection without the parts that are not ready: a build brings them to the records."""
    if not collection.builds:
        return collection
    return replace(
        collection,
        indexes=tuple(i for i in collection.indexes if builds.unready_index(collection, i) is None),
        unique=tuple(u for u in collection.unique if builds.unready_unique(collection, u) is None),
    )
