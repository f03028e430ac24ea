"""What search asks of a store.

`covey.store.search.DynamoSearchStore` and `covey.testing.search.MemorySearchStore` implement it
and pass the same tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from covey.collections.model import Collection
from covey.records.model import Record
from covey.records.ports import Query
from covey.search.contents import NOTHING, Contents, Term


@dataclass(frozen=True, slots=True)
class Mark:
    """What a record has contributed, to which generation of the search, and how often it changed.

    Revision 0 is a record that was never indexed. Contributions and mark change together. All of
    a record's postings are in one `shard`, which stays as long as the mark.
    """

    revision: int = 0
    generation: int = 0
    contents: Contents = NOTHING
    shard: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """A record as it is, None when there is none, beside its mark, which was read before it."""

    mark: Mark
    record: Record | None


@dataclass(frozen=True, slots=True)
class Step:
    """One record's contribution changed from what `before` says to what `after` says."""

    id: str
    before: Mark
    after: Mark
    gone: bool = False  # the record is no more: its mark may go too, after a while


class Posting(NamedTuple):
    """That a record has a word in a field, how often, and the field's rounded length."""

    id: str
    often: int
    length: int


class SearchStore(Protocol):
    """Where postings, words and totals live, each generation of a search by itself."""

    def known(self, collection: Collection, ids: Sequence[str]) -> Mapping[str, Known]:
        """Records and their marks, consistently: the marks first, then the records."""
        ...

    def commit(self, collection: Collection, steps: Sequence[Step]) -> Sequence[str]:
        """Do each step, all of it or nothing; the ids of those that were not done.

        A step is not done when its mark is no longer as `before` says, or when others were at
        work on the same words. It changes at most `STEP` terms.
        """
        ...

    def totals(self, collection: Collection) -> Mapping[str, tuple[int, int]]:
        """By field key: how many records have words in it, and how many words in all."""
        ...

    def frequencies(self, collection: Collection, terms: Sequence[Term]) -> Mapping[Term, int]:
        """How many records have each word in that field; those of none are left out."""
        ...

    def beginning(
        self, collection: Collection, key: str, prefix: str, limit: int
    ) -> tuple[Mapping[str, int], bool]:
        """Words of a field with this beginning and how many records have each; whether all.

        At most `limit`, in order, of each of the collection's shards.
        """
        ...

    def postings(
        self, collection: Collection, term: Term, limit: int
    ) -> tuple[Sequence[Posting], bool]:
        """Postings of a word in a field, the best first, at most `limit`; whether all."""
        ...

    def seal(self, collection: Collection, query: Query, place: bytes) -> str:
        """A place in an answer as a cursor of exactly this query."""
        ...

    def open(self, collection: Collection, query: Query) -> bytes | None:
        """The place of the query's cursor; raises BadRequest ``invalid_cursor``."""
        ...


STEP = 32  # terms: with postings old and new and their counts a transaction of at most 100 items
