"""A house whose changes are told, as the stream tells them, on the twin or on the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from covey.collections import Catalog, load
from covey.collections.model import Collection
from covey.pipeline.run import Pipeline
from covey.records.archive import Keeper
from covey.records.model import Change, ChangeKind, Record
from covey.records.ports import Write
from covey.records.service import Records
from covey.store.archive import DynamoArchive
from covey.store.records import DynamoRecordStore
from covey.store.transport import transport
from covey.testing.archive import MemoryArchive
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.pipeline import MemoryDeadLetters, quiet_gauges, told
from covey.testing.records import MemoryRecordStore
from tests.layers.core.records.world import START, uid

DAY = 86_400_000


class Telling:
    """Notes each write as a change; in front of a record store."""

    changes: list[Change]

    def create(
        self, collection: Collection, record: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        super().create(collection, record, also=also)  # type: ignore[misc]
        self._tell(Write(collection, None, record))

    def update(
        self,
        collection: Collection,
        before: Record,
        after: Record,
        *,
        also: Sequence[dict[str, Any]] = (),
    ) -> None:
        super().update(collection, before, after, also=also)  # type: ignore[misc]
        self._tell(Write(collection, before, after))

    def delete(
        self, collection: Collection, before: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        super().delete(collection, before, also=also)  # type: ignore[misc]
        self._tell(Write(collection, before, None))

    def write(self, writes: Sequence[Write], *, also: Sequence[dict[str, Any]] = ()) -> None:
        super().write(writes, also=also)  # type: ignore[misc]
        for write in writes:
            self._tell(write)

    def _tell(self, write: Write) -> None:
        kind = ChangeKind.UPDATED
        if write.before is None or write.after is None:
            kind = ChangeKind.CREATED if write.before is None else ChangeKind.DELETED
        version = (write.after or write.before).version  # type: ignore[union-attr]
        sequence = f"{len(self.changes):021d}"
        self.changes.append(
            Change(
                write.collection.name,
                write.id,
                version,
                kind,
                write.before,
                write.after,
                sequence,
                self.at(),
            )
        )

    def at(self) -> int:
        return START


class MemoryTelling(Telling, MemoryRecordStore):
    """The twin."""


class EngineTelling(Telling, DynamoRecordStore):
    """The table."""


class House:
    """A service over documents, with an archive; `tell` passes on what has changed."""

    def __init__(self, table: str | None, *documents: Mapping[str, Any]) -> None:
        self.now = START
        clock = lambda: self.now / 1000  # noqa: E731
        self.store: Any
        self.archive: Any
        if table is None:
            self.store = MemoryTelling(clock)
            self.archive = MemoryArchive(self.store, clock)
        else:
            self.store = EngineTelling(transport(), table, clock=clock)
            self.archive = DynamoArchive(transport(), table, clock=clock)
        self.store.changes = []
        self.store.at = lambda: self.now
        self.catalog = Catalog(MemoryCatalogStore([load(document) for document in documents]))
        self.records = Records(
            self.store,
            self.catalog,
            clock=lambda: self.now,
            pause=lambda _: None,
            archive=self.archive,
        )
        self.told = 0

    def tell(self) -> list[Change]:
        """Give the new changes to the keeper, one batch."""
        new = self.store.changes[self.told :]
        self.told = len(self.store.changes)
        keeper = Keeper(self.archive)
        pipeline = Pipeline(self.catalog, [keeper], MemoryDeadLetters(), quiet_gauges())
        assert pipeline.take(told(new), lambda: True) is None
        return list(new)

    def user(self, name: str) -> str:
        """A record of `users`."""
        made = Record(uid(name), START, START, 1, {"name": name})
        users = self.catalog.get("users")
        if isinstance(self.store, MemoryRecordStore):
            self.store.keep(users, made)
        else:
            from covey.records.ids import created_of

            created = created_of(made.id)
            self.store.create(users, Record(made.id, created, created, 1, made.values))
        return made.id
