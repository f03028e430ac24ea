"""Changes to marks and totals, so that each record counts once, as its newest change says.

A mark per record holds what the totals have of it and the sequence number of the change that
said so. It is read, compared, and written with the totals on the condition that it is still the
same: a change that comes again, late or from a second consumer finds a newer mark and means
nothing. Builds and mending do the same from the record itself. They read the mark first: a record
read after it is at least as new as what the mark has of it, so that the changes still under way
bring the mark to where it would have been without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from covey.aggregates.ports import Mark, Step, Totals
from covey.aggregates.shares import shares_of
from covey.collections.builds import aggregate_part
from covey.collections.model import Collection
from covey.errors import Unavailable
from covey.records.model import Change, Record

ATTEMPTS = 12  # of marks that others keep changing

Read = Callable[[Collection, str], Record | None]


class Aggregates:
    """Keeps the totals of all collections: a `covey.pipeline.consumer.Consumer`.

    `latest` reads a collection anew from the catalog; `read` a record, consistently.
    """

    name = "aggregates"

    def __init__(self, totals: Totals, latest: Callable[[str], Collection], read: Read) -> None:
        self._totals = totals
        self._latest = latest
        self._read = read

    def wants(self, collection: Collection) -> bool:
        """Whether it has aggregates."""
        return bool(collection.aggregates)

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        """As `Consumer.apply`: of each record the change with the highest sequence counts."""
        newest: dict[str, Change] = {}
        for change in changes:
            known = newest.get(change.id)
            if known is None or order(known.sequence) <= order(change.sequence):
                newest[change.id] = change

        def step(collection: Collection, mark: Mark) -> Step | None:
            change = newest[mark.id]
            if mark.revision and order(change.sequence) <= order(mark.sequence):
                return None
            shares = shares_of(collection, change.after)
            return Step(mark, change.sequence, shares, _moment(change))

        self._bring(collection, list(newest), step)

    def parts(self, collection: Collection) -> frozenset[str]:
        """As `covey.jobs.backfill.Follower.parts`."""
        return frozenset(aggregate_part(one) for one in collection.aggregates.values())

    def index(self, collection: Collection, ids: Sequence[str]) -> None:
        """As `covey.jobs.backfill.Follower.index`."""
        self.mend(collection, ids)

    def mend(self, collection: Collection, ids: Sequence[str]) -> list[str]:
        """Bring the marks of these records to what the records are; those that were not so."""
        mended: list[str] = []

        def step(collection: Collection, mark: Mark) -> Step | None:
            shares = shares_of(collection, self._read(collection, mark.id))
            if self._totals.held(collection, mark.id, shares) == _live(collection, mark):
                return None
            mended.append(mark.id)
            return Step(mark, mark.sequence, shares)

        self._bring(collection, ids, step)
        return list(dict.fromkeys(mended))

    def suspects(self, collection: Collection, records: Sequence[Record]) -> list[str]:
        """Those of the records whose marks say something else; perhaps only not yet."""
        marks = self._totals.marks(collection, [record.id for record in records])
        return [
            record.id
            for record in records
            if self._totals.held(collection, record.id, shares_of(collection, record))
            != _live(collection, marks[record.id])
        ]

    def _bring(
        self,
        collection: Collection,
        ids: Sequence[str],
        step: Callable[[Collection, Mark], Step | None],
    ) -> None:
        left = list(ids)
        for _ in range(ATTEMPTS):
            if not left:
                return
            marks = self._totals.marks(collection, left)
            if _unknown(collection, marks.values()):
                collection = self._latest(collection.name)
            steps = [one for mark in marks.values() if (one := step(collection, mark)) is not None]
            left = self._totals.bring(collection, steps)
        raise Unavailable("Others keep changing the same totals.")


def order(sequence: str) -> int:
    """The place of a sequence number among those of one record; none is before all."""
    return int(sequence) if sequence else -1


def _moment(change: Change) -> int | None:
    record = change.after or change.before
    return None if record is None else record.updated


def _live(collection: Collection, mark: Mark) -> dict[int, object]:
    """What a mark holds for the aggregates that there are."""
    numbers = {aggregate.number for aggregate in collection.aggregates.values()}
    return {number: held for number, held in mark.held.items() if number in numbers}


def _unknown(collection: Collection, marks: Iterable[Mark]) -> bool:
    """Whether others already count for an aggregate that this catalog does not have yet."""
    return any(number >= collection.next_aggregate for mark in marks for number in mark.held)
