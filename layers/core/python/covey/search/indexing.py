"""Keeps what records have contributed to a search equal to what they say.

A change only names a record. Its mark, which says what it has contributed, and then the record
are read consistently, and the contribution is brought from the one to the other on the condition
that the mark has not moved. So a change that comes twice, late, or in another order than others
leads to the same end, and what is interrupted goes on from the mark.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from itertools import islice

from covey.collections.builds import search_part, unready_search
from covey.collections.model import Collection
from covey.errors import Unavailable
from covey.records.model import Change
from covey.search.contents import NOTHING, Contents, contents_of
from covey.search.ports import STEP, Known, Mark, SearchStore, Step

ATTEMPTS = 12  # rounds in which nothing was done
CHUNK = 50  # records at a time
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.3


class SearchIndexer:
    """The consumer of changes, and of builds, that keeps the searches of all collections."""

    name = "search"

    def __init__(self, store: SearchStore, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._store = store
        self._pause = pause

    def wants(self, collection: Collection) -> bool:
        """Whether the collection has a search, or one that is being taken away."""
        return bool(collection.search.fields) or unready_search(collection) is not None

    def parts(self, collection: Collection) -> frozenset[str]:
        """As `Follower.parts` of builds."""
        return frozenset((search_part(collection),))

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        """As `Consumer.apply`."""
        self.index(collection, [change.id for change in changes])

    def index(self, collection: Collection, ids: Sequence[str]) -> None:
        """Bring the contributions of these records to what they and the collection say now.

        Raises Unavailable when others keep changing them, and when the collection is older than
        the one that the records have been indexed by.
        """
        every = list(dict.fromkeys(ids))
        for at in range(0, len(every), CHUNK):
            self._settle(collection, every[at : at + CHUNK])

    def _settle(self, collection: Collection, ids: list[str]) -> None:
        vain = 0
        while ids:
            known = self._store.known(collection, ids)
            steps = [step for id in ids if (step := _step(collection, id, known[id])) is not None]
            lost = set(self._store.commit(collection, steps)) if steps else set()
            ids = [step.id for step in steps]
            vain = vain + 1 if steps and len(lost) == len(steps) else 0
            if vain == ATTEMPTS:
                raise Unavailable("Others keep changing the same records.")
            if vain:
                longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**vain)
                self._pause(random.uniform(0, longest))  # noqa: S311 - jitter, not a secret


def _step(collection: Collection, record_id: str, known: Known) -> Step | None:
    """The next step of a record towards what it should contribute; None when it is there."""
    mark, record = known.mark, known.record
    generation = collection.search.since
    if mark.generation > generation:
        raise Unavailable("The collection has changed meanwhile.")
    target = NOTHING if record is None else contents_of(collection, record.values)
    if mark.contents == target and (mark.generation == generation or not mark.revision):
        return None
    after = _towards(mark, generation, target)
    return Step(record_id, mark, after, gone=record is None and not after.contents.terms)


def _towards(mark: Mark, generation: int, target: Contents) -> Mark:
    """The mark after at most `STEP` terms more are as the target has them."""
    terms = dict(mark.contents.terms)
    if mark.generation != generation:  # first all of the former one is taken back
        left = dict(islice(terms.items(), STEP, None))
        lengths = mark.contents.lengths if left else {}
        stays = mark.generation if left else generation
        return Mark(mark.revision + 1, stays, Contents(left, lengths), mark.shard)
    wrong = [
        term for term in {**terms, **target.terms} if terms.get(term) != target.terms.get(term)
    ]
    for term in wrong[:STEP]:
        if term in target.terms:
            terms[term] = target.terms[term]
        else:
            del terms[term]
    return Mark(mark.revision + 1, generation, Contents(terms, target.lengths), mark.shard)
