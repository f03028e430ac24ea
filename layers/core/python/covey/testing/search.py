"""The twin of `covey.store.search.DynamoSearchStore`: everything follows from the marks."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence

from covey.collections.model import Collection
from covey.records.ports import Query
from covey.search.contents import Term
from covey.search.ports import STEP, Known, Mark, Posting, Step
from covey.search.ranking import impact
from covey.store.cursor import Cursors, Position
from covey.testing.records import MemoryRecordStore


class MemorySearchStore:
    """`SearchStore` over a `MemoryRecordStore`."""

    def __init__(self, records: MemoryRecordStore) -> None:
        self._records = records
        self._marks: dict[tuple[str, str], Mark] = {}
        secret = secrets.token_bytes(32)
        self._cursors = Cursors(lambda: secret)

    def known(self, collection: Collection, ids: Sequence[str]) -> Mapping[str, Known]:
        """As `SearchStore.known`."""
        records = self._records.get_many(collection, ids)
        return {
            id: Known(self._marks.get((collection.name, id), Mark()), records.get(id)) for id in ids
        }

    def commit(self, collection: Collection, steps: Sequence[Step]) -> Sequence[str]:
        """As `SearchStore.commit`."""
        lost = []
        for step in steps:
            key = collection.name, step.id
            before, after = step.before.contents.terms, step.after.contents.terms
            wrong = [t for t in {**before, **after} if before.get(t) != after.get(t)]
            assert len(wrong) <= STEP, "a step that no transaction holds"  # noqa: S101 - a twin
            if self._marks.get(key, Mark()) == step.before:
                self._marks[key] = step.after
            else:
                lost.append(step.id)
        return lost

    def totals(self, collection: Collection) -> Mapping[str, tuple[int, int]]:
        """As `SearchStore.totals`."""
        found: dict[str, tuple[int, int]] = {}
        for _, mark in self._of(collection):
            for key, length in mark.contents.lengths.items():
                records, total = found.get(key, (0, 0))
                found[key] = records + 1, total + length
        return found

    def frequencies(self, collection: Collection, terms: Sequence[Term]) -> Mapping[Term, int]:
        """As `SearchStore.frequencies`."""
        marks = [mark for _, mark in self._of(collection)]
        counts = {term: sum(term in mark.contents.terms for mark in marks) for term in terms}
        return {term: count for term, count in counts.items() if count}

    def beginning(
        self, collection: Collection, key: str, prefix: str, limit: int
    ) -> tuple[Mapping[str, int], bool]:
        """As `SearchStore.beginning`."""
        found: dict[str, int] = {}
        for _, mark in self._of(collection):
            for where, word in mark.contents.terms:
                if where == key and word.startswith(prefix):
                    found[word] = found.get(word, 0) + 1
        return {word: found[word] for word in sorted(found)[:limit]}, len(found) <= limit

    def postings(
        self, collection: Collection, term: Term, limit: int
    ) -> tuple[Sequence[Posting], bool]:
        """As `SearchStore.postings`."""
        found = [
            Posting(id, *mark.contents.terms[term])
            for id, mark in self._of(collection)
            if term in mark.contents.terms
        ]
        found.sort(key=lambda posting: (impact(posting.often, posting.length), posting.id))
        return found[:limit], len(found) <= limit

    def seal(self, collection: Collection, query: Query, place: bytes) -> str:
        """As `SearchStore.seal`."""
        return self._cursors.seal(collection, query, Position(b"search", place))

    def open(self, collection: Collection, query: Query) -> bytes | None:
        """As `SearchStore.open`."""
        position = self._cursors.open(collection, query)
        return None if position is None else position.at

    def _of(self, collection: Collection) -> Iterator[tuple[str, Mark]]:
        for (name, id), mark in self._marks.items():
            if name == collection.name and mark.generation == collection.search.since:
                yield id, mark
