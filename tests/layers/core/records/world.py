"""A small world for tests of the service: collections, callers, and a store that keeps a dict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from covey.collections import Catalog, load
from covey.collections.model import Collection
from covey.errors import Conflict, FieldError, NotFound
from covey.identity.principal import GUEST, Kind, Principal
from covey.records.ids import IdMaker
from covey.records.model import Record
from covey.records.ports import Page, Query
from covey.records.service import Records
from covey.testing.catalog import MemoryCatalogStore

START = 1_800_000_000_000

ADMIN = Principal(Kind.ADMINISTRATOR, id="root")
GUESTS = GUEST


def uid(name: str) -> str:
    """An id that `users` can hold."""
    return name.ljust(20, "0")


def user(name: str, *roles: str) -> Principal:
    return Principal(Kind.USER, id=uid(name), roles=roles)


class DictStore:
    """The parts of RecordStore that the service calls. `before_write` plays the other writer."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Record] = {}
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
        return self.kept.get((collection.name, record_id))

    def get_many(self, collection: Collection, record_ids: Sequence[str]) -> dict[str, Record]:
        self.reads.append((collection.name, tuple(record_ids)))
        found = {each: self.kept.get((collection.name, each)) for each in record_ids}
        return {
            each: record
            for each, record in found.items()
            if record is not None and each not in self.stale
        }

    def _interrupt(self) -> None:
        interruption, self.before_write = self.before_write, None
        if interruption is not None:
            interruption()

    def create(
        self, collection: Collection, record: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        self._interrupt()
        if (collection.name, record.id) in self.kept:
            raise Conflict("There is a record of this id.", code="exists")
        self._claim(collection, record)
        self._keep(collection, record)

    def update(
        self,
        collection: Collection,
        before: Record,
        after: Record,
        *,
        also: Sequence[dict[str, Any]] = (),
    ) -> None:
        self._interrupt()
        self._still(collection, before)
        self._claim(collection, after)
        self._keep(collection, after)

    def delete(
        self, collection: Collection, before: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        self._interrupt()
        self._still(collection, before)
        self.writes += 1
        del self.kept[collection.name, before.id]

    def _keep(self, collection: Collection, record: Record) -> None:
        self.writes += 1
        self.kept[collection.name, record.id] = record

    def _still(self, collection: Collection, before: Record) -> None:
        current = self.kept.get((collection.name, before.id))
        if current is None:
            raise NotFound("record")
        if current.version != before.version:
            raise Conflict("It changed meanwhile.", code="conflict")

    def _claim(self, collection: Collection, record: Record) -> None:
        for names in collection.unique:
            values = [record.values.get(name) for name in names]
            for (name, other_id), other in self.kept.items():
                if name == collection.name and other_id != record.id and None not in values:
                    if values == [other.values.get(each) for each in names]:
                        faults = [FieldError(each, "unique", "is taken") for each in names]
                        raise Conflict("Taken.", code="unique_violation", errors=faults)

    def list(self, collection: Collection, query: Query, accept: Callable[[Record], bool]) -> Page:
        records = [
            record
            for (name, _), record in sorted(self.kept.items(), reverse=True)
            if name == collection.name and accept(record)
        ]
        for key in reversed(query.sort):
            records.sort(
                key=lambda record, name=key.field: str(record.document().get(name)),
                reverse=key.descending,
            )
        return Page(records[: query.limit], "more" if len(records) > query.limit else None)

    def explain(self, collection: Collection, query: Query) -> dict[str, Any]:
        return {"where": query.where.text if query.where else None}


class World:
    """A service over documents of collections; `add` writes past every rule."""

    def __init__(self, *documents: Mapping[str, Any]) -> None:
        self.store = DictStore()
        self.now = START
        self.catalog = Catalog(MemoryCatalogStore([load(document) for document in documents]))
        self.pauses: list[float] = []
        self.records = Records(
            self.store,  # type: ignore[arg-type]  # single-use values are not the service's
            self.catalog,
            clock=lambda: self.now,
            pause=self.pauses.append,
        )

    def add(self, collection: str, record_id: str | None = None, **values: Any) -> str:
        made = record_id or self.store.new_id(self.catalog.get(collection))
        expires = values.pop("_expires", None)
        record = Record(made, START, START, 1, values, expires)
        self.store.kept[collection, made] = record
        return made

    def kept(self, collection: str, record_id: str) -> Record:
        return self.store.kept[collection, record_id]


def refused(call: Callable[[], Any]) -> tuple[int, str, str]:
    """(status, code, detail) of the error that a call raises."""
    from covey.errors import CoveyError

    try:
        answer = call()
    except CoveyError as error:
        return error.status, error.code, error.detail
    raise AssertionError(f"nothing was refused: {answer}")
