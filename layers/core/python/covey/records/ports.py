"""What the records domain asks of a store: the port, its queries and its pages.

`covey.store.records.DynamoRecordStore` and `covey.testing.records.MemoryRecordStore`
implement it and pass the same tests.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from covey.collections.model import Collection, Field
from covey.errors import BadRequest, CoveyError
from covey.expressions import Expression
from covey.records.model import Record
from covey.records.nearness import Circle


@dataclass(frozen=True, slots=True)
class SortKey:
    """One field to sort by: a declared field, ``created``, ``updated`` or ``id``."""

    field: str
    descending: bool = False

    def __str__(self) -> str:
        return ("-" if self.descending else "") + self.field


@dataclass(frozen=True, slots=True)
class Query:
    """A list, as the store understands it.

    `where` is checked and bound and includes the read rule; from it the plan is made, while
    the `accept` of `RecordStore.list` decides what is returned. `bounded_by_caller` says that
    the caller gave a filter: then a page that the budget leaves unfilled without an index's
    help is the caller's to mend (IndexRequired); else, as when only a rule filters, it is a
    short page with a `next`. An empty `sort` means newest first. Ties are in one order for all
    pages: by the fields that the index in use has left, then by id in the direction of its last.

    `scope` is `Principal.scope` and `filter_text` the filter as the caller wrote it (before
    binding, which puts the clock in): a cursor holds for exactly these, the sort and the
    collection. `budget` is the number of records that may be examined.
    """

    where: Expression | None = None
    bounded_by_caller: bool = False
    sort: tuple[SortKey, ...] = ()
    limit: int = 30
    cursor: str | None = None
    scope: str = ""
    budget: int = 2_000
    filter_text: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: records in order, the cursor of the next page or None at the end.

    `prev` is the cursor of the page before, None where nothing was before when it was read.
    """

    records: list[Record]
    next: str | None = None
    examined: int = 0
    prev: str | None = None


@dataclass(frozen=True, slots=True)
class Nearby:
    """One page of a list by distance, the nearest first.

    `complete` is False where the budget ended before what is nearest was known: then `next` is
    None, and a smaller circle is what helps.
    """

    records: list[Record]
    next: str | None = None
    examined: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Guard:
    """What a write assumes of references (see ``on_delete``), so that it fails where that changed.

    `seen` has when each record was created that is referred to anew, by (collection, id): it must
    not have been removed since. `closed` is when the record of this write is removed, in
    milliseconds: nobody may come to refer to it from then on. `passed`, where given, is how often
    anybody had come to refer to it when it was looked who does.
    """

    seen: Mapping[tuple[str, str], int] = field(default_factory=dict)
    closed: int | None = None
    passed: int | None = None


UNGUARDED = Guard()


@dataclass(frozen=True, slots=True)
class Write:
    """One write of one record: without `before` it is new, without `after` it is removed.

    As in the methods of `RecordStore` of that name, `after.version` is one above that of
    `before`, which is the condition.
    """

    collection: Collection
    before: Record | None
    after: Record | None
    guard: Guard = UNGUARDED

    @property
    def id(self) -> str:
        """The record's id."""
        record = self.before or self.after
        return "" if record is None else record.id


@dataclass(frozen=True, slots=True)
class Tally:
    """How many records were found among the `examined`; all there are when `complete`.

    `bounded` says that an index chose what was examined, which is then no sample of the whole.
    """

    found: int
    examined: int
    complete: bool
    bounded: bool = False


class WriteRefused(Exception):
    """What stopped a set of writes: the `position` of the first at fault, and its error."""

    def __init__(self, position: int, error: CoveyError) -> None:
        self.position = position
        self.error = error
        super().__init__(f"write {position}: {error}")


class RuleBudgetError(BadRequest):
    """The rules would have to read more other records than one call may."""

    default_code = "rule_budget"


class Foreseeing(ABC):  # a protocol that is asked for at run time takes tens of microseconds
    """An `accept` that is told of several records before it is asked about each of them.

    What it needs to decide about them is then read together.
    """

    @abstractmethod
    def __call__(self, record: Record) -> bool:
        """Whether the record is taken."""

    @abstractmethod
    def foresee(self, records: Sequence[Record]) -> None:
        """These are going to be asked about, unless the page is full before.

        Raises RuleBudgetError.
        """


class RecordStore(Protocol):
    """Where records live. Every write is atomic and says why it did not happen."""

    def new_id(self, collection: Collection) -> str:
        """A fresh id; `covey.records.ids.created_of` tells its millisecond."""
        ...

    def get(
        self, collection: Collection, record_id: str, *, consistent: bool = False
    ) -> Record | None:
        """The record or None; 0.5 read units per 4 KB, twice that when consistent."""
        ...

    def get_many(
        self, collection: Collection, record_ids: Sequence[str], *, consistent: bool = False
    ) -> dict[str, Record]:
        """Those of the records that exist, by id; duplicates are read once; costs as `get`."""
        ...

    def create(
        self, collection: Collection, record: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        """Write a new record at version 1, and `also`, raw TransactItems, all or nothing.

        In a collection of auto ids `record.created` must be ``ids.created_of(record.id)``,
        as reads take it from there. Raises Conflict ``exists`` or ``unique_violation`` (with
        a FieldError per field of the taken value), Conflict ``conflict`` when a condition in
        `also` fails, Invalid ``index_value_too_long``, TooLarge ``record_too_large``.
        """
        ...

    def update(
        self,
        collection: Collection,
        before: Record,
        after: Record,
        *,
        also: Sequence[dict[str, Any]] = (),
    ) -> None:
        """Replace `before` by `after` if it is still at `before.version`.

        Raises Conflict ``conflict`` when it has moved on, NotFound when it is gone, and as
        `create` does.
        """
        ...

    def delete(
        self, collection: Collection, before: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        """Remove it if it is still at `before.version`; raises as `update` does."""
        ...

    def write(self, writes: Sequence[Write], *, also: Sequence[dict[str, Any]] = ()) -> None:
        """All of the writes and `also`, or none; each of another record.

        Unique values are judged by what the whole leaves, so that records may exchange them.
        Raises WriteRefused with what the single write would raise, TooLarge
        ``batch_too_large`` for more than 100 items, unique values and `also` counted, or for
        more than 4 MB; Conflict ``conflict`` when others are writing the same or a condition
        in `also` fails.
        """
        ...

    def list(self, collection: Collection, query: Query, accept: Callable[[Record], bool]) -> Page:
        """A page of what `accept` takes, full unless the budget or the collection ends.

        A page also ends early where `accept` may foresee no more. Raises IndexRequired with the
        YAML line to add, BadRequest ``invalid_cursor``.
        """
        ...

    def near(
        self,
        collection: Collection,
        query: Query,
        circle: Circle,
        accept: Callable[[Record], bool],
    ) -> Nearby:
        """A page of what `accept` takes within a circle, the nearest first.

        The query's sort has no say. Raises BadRequest ``invalid_cursor``.
        """
        ...

    def tally(
        self, collection: Collection, query: Query, accept: Callable[[Record], bool], now_s: int
    ) -> Tally:
        """How many records a list would find in all, as far as the budget reaches.

        The query's sort, limit and cursor have no say. Where an index holds `query.where`
        whole, `accept` is not asked: it must take what `where` takes and has not expired at
        `now_s`. Keys are then counted without being sent.
        """
        ...

    def explain(self, collection: Collection, query: Query) -> dict[str, Any]:
        """The plan of a list: source, bounds, shards, residual, units, what was rejected."""
        ...

    def find_unique(
        self, collection: Collection, fields: tuple[str, ...], values: tuple[Any, ...]
    ) -> str | None:
        """The id that holds this unique value, read consistently."""
        ...

    def passed(self, to: str, record_id: str) -> int:
        """How often any record has come to refer to this one, read consistently."""
        ...

    def referrers(
        self, collection: Collection, field: Field, target: str, after: str, limit: int
    ) -> Sequence[str]:
        """The ids of records that refer to `target` by a field with ``on_delete``, from `after` on.

        In their order, read consistently. One may be gone, or refer to others by now: DynamoDB's
        own expiry, and a declaration that was taken back, leave such.
        """
        ...

    def count(self, collection: Collection) -> int:
        """How many records there are, by reading all of their keys' units: for nights."""
        ...

    def expired(self, now_s: int, limit: int) -> Sequence[tuple[str, str]]:
        """(collection name, id) of records whose time has come, oldest first per bucket."""
        ...

    def put_once(self, key: str, value: Mapping[str, Any], expires: int) -> bool:
        """Keep a single-use value until `expires` (seconds); False when the key is in use."""
        ...

    def take(self, key: str) -> dict[str, Any] | None:
        """Consume it: the value for exactly one caller, None for the others and when late."""
        ...
