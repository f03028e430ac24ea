"""A small world for tests of the service: collections, callers, and a store that keeps a dict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from covey.collections import Catalog, load
from covey.collections.model import Collection
from covey.errors import CoveyError
from covey.identity.principal import GUEST, Kind, Principal
from covey.records.ids import IdMaker
from covey.records.model import Record
from covey.records.service import Records
from covey.testing.archive import MemoryArchive
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.records import MemoryRecordStore

START = 1_800_000_000_000

ADMIN = Principal(Kind.ADMINISTRATOR, id="root")
GUESTS = GUEST


def uid(name: str) -> str:
    """An id that `users` can hold."""
    return name.ljust(20, "0")


def user(name: str, *roles: str) -> Principal:
    return Principal(Kind.USER, id=uid(name), roles=roles)


class WatchedStore(MemoryRecordStore):
    """The twin, which counts writes, lists reads, may lag, and lets another writer come first."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: START / 1000)
        self.writes = 0
        self.reads: list[tuple[str, tuple[str, ...]]] = []
        self.before_write: Callable[[], None] | None = None
        self.stale: set[str] = set()
        self._ids = IdMaker()

    def new_id(self, collection: Collection) -> str:
        return self._ids.make(START)

    def get(
        self, collection: Collection, record_id: str, *, consistent: bool = False
    ) -> Record | None:
        self.reads.append((collection.name, (record_id,)))
        if not consistent and record_id in self.stale:
            return None
        return super().get(collection, record_id)

    def get_many(
        self, collection: Collection, record_ids: Sequence[str], *, consistent: bool = False
    ) -> dict[str, Record]:
        self.reads.append((collection.name, tuple(record_ids)))
        fresh = [each for each in record_ids if consistent or each not in self.stale]
        return super().get_many(collection, fresh)

    def _interrupt(self) -> None:
        interruption, self.before_write = self.before_write, None
        if interruption is not None:
            interruption()

    def create(
        self, collection: Collection, record: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        self._interrupt()
        super().create(collection, record, also=also)
        self.writes += 1

    def update(
        self,
        collection: Collection,
        before: Record,
        after: Record,
        *,
        also: Sequence[dict[str, Any]] = (),
    ) -> None:
        self._interrupt()
        super().update(collection, before, after, also=also)
        self.writes += 1

    def delete(
        self, collection: Collection, before: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        self._interrupt()
        super().delete(collection, before, also=also)
        self.writes += 1


class World:
    """A service over documents of collections; `add` writes past every rule."""

    def __init__(self, *documents: Mapping[str, Any]) -> None:
        self.store = WatchedStore()
        self.now = START
        self.catalog = Catalog(MemoryCatalogStore([load(document) for document in documents]))
        self.pauses: list[float] = []
        self.archive = MemoryArchive(self.store, lambda: self.now / 1000)
        self.records = Records(
            self.store,
            self.catalog,
            clock=lambda: self.now,
            pause=self.pauses.append,
            archive=self.archive,
        )

    def add(self, into: str, record_id: str | None = None, /, **values: Any) -> str:
        """Keep a record past every rule and check, also instead of one that is there."""
        made = record_id or self.store.new_id(self.catalog.get(into))
        expires = values.pop("_expires", None)
        self.keep(into, Record(made, START, START, 1, values, expires))
        return made

    def keep(self, name: str, record: Record) -> None:
        self.store.keep(self.catalog.get(name), record)

    def all(self, name: str) -> dict[str, Record]:
        """What is kept of a collection, to look at."""
        return self.store.of(self.catalog.get(name))

    def kept(self, name: str, record_id: str) -> Record:
        return self.all(name)[record_id]


def refused(call: Callable[[], Any]) -> tuple[int, str, str]:
    """(status, code, detail) of the error that a call raises."""
    try:
        answer = call()
    except CoveyError as error:
        return error.status, error.code, error.detail
    raise AssertionError(f"nothing was refused: {answer}")
