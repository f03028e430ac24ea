"""Which records may match a query, best first, from postings alone.

Every list of postings is of one field, and so is every number that a score is made of: what a
caller may not read has no part in what they find. The words with the fewest records are read
first. A word with more postings than the budget has left is not read: the records that the
others leave are then asked themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from covey.collections.model import Collection
from covey.search.contents import Contents, contents_of, texts_of
from covey.search.ports import SearchStore
from covey.search.query import Element, Sought
from covey.search.ranking import Evidence, Statistics, score
from covey.search.text import words

POSTINGS = 5_000  # read for one query
BEGINNINGS = 200  # words looked at for one beginning, per field and shard
EXPANSIONS = 40  # words that a beginning stands for in one field, at most

Found = Mapping[int, Evidence]  # element → what a record has of it
Words = Mapping[str, Mapping[str, int]]  # field key → word → how many records have it


@dataclass(frozen=True, slots=True)
class Shortlist:
    """Ids with their scores, best first.

    `exact` says that every word was read, so that nothing but a change since can alter a score;
    `complete` that nothing was left out.
    """

    ranked: Sequence[tuple[float, str]]
    exact: bool = True
    complete: bool = True


class Matcher:
    """One query in the fields that its caller may search, `names`.

    `open_to_all` says that the caller may read every record: only then may numbers that are made
    of all records have a part in the order of those that are shown.
    """

    def __init__(
        self,
        store: SearchStore,
        collection: Collection,
        names: Sequence[str],
        sought: Sought,
        *,
        open_to_all: bool,
    ) -> None:
        self._store = store
        self._collection = collection
        self._names = names
        self._sought = sought
        self._open = open_to_all
        search = collection.search
        self._weights = {collection.fields[name].key: search.fields[name] for name in names}
        self._whole = True
        self._words: list[Words] = []
        self.statistics = Statistics()

    def prepare(self, statistics: Statistics | None) -> None:
        """Look up the words; `statistics` are those of the page before, to rank alike."""
        exact = [(key, one.word) for one in self._sought.elements for key in self._weights]
        counts = self._store.frequencies(self._collection, exact)
        for element in self._sought.elements:
            found = {key: self._expanded(element, key) for key in self._weights}
            for key, known in found.items():
                if count := counts.get((key, element.word)):
                    known[element.word] = count
            self._words.append(found)
        if statistics is not None:
            self.statistics = statistics
        elif self._open:
            totals = self._store.totals(self._collection)
            self.statistics = Statistics(
                {key: totals.get(key, (0, 0))[0] for key in self._weights},
                {key: totals.get(key, (0, 0))[1] for key in self._weights},
                tuple({k: max(w.values(), default=0) for k, w in e.items()} for e in self._words),
            )

    def shortlist(self) -> Shortlist:
        """The candidates, from the postings that the budget allows."""
        order = sorted(range(len(self._words)), key=self._size)
        if not self._sought.any and self._size(order[0]) == 0:
            return Shortlist((), complete=self._whole)
        found: dict[int, Mapping[str, Evidence]] = {}
        left, complete = POSTINGS, self._whole
        for element in order:
            if self._skips(element, found, left):
                continue
            found[element], whole = self._read(element, left)
            left = max(left - self._size(element), 0)
            complete = complete and whole
        exact = len(found) == len(order)
        if self._sought.any:
            return Shortlist(self._ranked(_either(found), found), True, complete and exact)
        ids = set.intersection(*(set(records) for records in found.values()))
        return Shortlist(self._ranked(ids, found), exact, complete)

    def score(self, found: Found) -> float:
        """The score of a record by what it has."""
        return score(self._weights, self.statistics, found)

    def matched(self, values: Mapping[str, Any]) -> Found | None:
        """What a record with these values has of the query; None when that is not enough."""
        contents = contents_of(self._collection, values, self._names)
        found = {
            at: evidence
            for at, element in enumerate(self._sought.elements)
            if (evidence := self._evidence(element, contents))
        }
        needed = self._sought.required if self._sought.any else range(len(self._sought.elements))
        if not found or not all(at in found for at in needed):
            return None
        return found if self._has_phrases(values) else None

    def _size(self, element: int) -> int:
        return sum(sum(known.values()) for known in self._words[element].values())

    def _skips(self, element: int, found: Mapping[int, Any], left: int) -> bool:
        """Whether a word is left unread: the first never is."""
        return bool(found) and self._size(element) > left

    def _expanded(self, element: Element, key: str) -> dict[str, int]:
        if not element.prefix:
            return {}
        known, whole = self._store.beginning(self._collection, key, element.prefix, BEGINNINGS)
        self._whole = self._whole and whole and len(known) <= EXPANSIONS
        # How many records have a word may not be told to one who may not see them all.
        order = sorted(known, key=lambda word: (-known[word] if self._open else 0, word))
        return {word: known[word] for word in order[:EXPANSIONS]}

    def _read(self, element: int, left: int) -> tuple[Mapping[str, Evidence], bool]:
        found: dict[str, dict[str, tuple[int, int]]] = {}
        whole = True
        for key, known in self._words[element].items():
            for word in known:
                if left <= 0:
                    return found, False
                postings, all_of_them = self._store.postings(self._collection, (key, word), left)
                left -= len(postings)
                whole = whole and all_of_them
                for posting in postings:
                    evidence = found.setdefault(posting.id, {})
                    often = evidence.get(key, (0, 0))[0] + posting.often
                    evidence[key] = often, posting.length
        return found, whole

    def _ranked(
        self, ids: set[str], found: Mapping[int, Mapping[str, Evidence]]
    ) -> list[tuple[float, str]]:
        ranked = [
            (self.score({at: has[id] for at, has in sorted(found.items()) if id in has}), id)
            for id in ids
        ]
        return sorted(ranked, key=place, reverse=True)

    def _evidence(self, element: Element, contents: Contents) -> Evidence:
        found: dict[str, tuple[int, int]] = {}
        for key in self._weights:
            if not element.prefix:
                if there := contents.terms.get((key, element.word)):
                    found[key] = there
                continue
            for (where, word), (often, length) in contents.terms.items():
                if where == key and element.takes(word):
                    found[key] = found.get(key, (0, 0))[0] + often, length
        return found

    def _has_phrases(self, values: Mapping[str, Any]) -> bool:
        if not self._sought.phrases:
            return True
        language = self._collection.search.language
        texts = [
            words(text, language, ends=False)
            for name in self._names
            for text in texts_of(values.get(name))
        ]
        return all(any(_has(text, p) for text in texts) for p in self._sought.phrases)


def place(ranked: tuple[float, str]) -> tuple[float, str]:
    """Where a hit stands, the highest first: by score, and the newest of equals."""
    return ranked


def _either(found: Mapping[int, Mapping[str, Evidence]]) -> set[str]:
    return set().union(*found.values())


def _has(text: Sequence[str], phrase: tuple[str, ...]) -> bool:
    size = len(phrase)
    return any(tuple(text[at : at + size]) == phrase for at in range(len(text) - size + 1))
