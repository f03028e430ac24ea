"""By night: every record's mark against the record, and every mark against its record.

Totals change only together with marks, so that where all marks say what the records are the
totals are a recount. What differs may only not have been told yet: it is looked at again after a
while, and what still differs is drift, counted, reported and mended as `Aggregates.mend` does,
which gets in no consumer's way. The place is saved after each chunk.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from covey.aggregates.keeper import Aggregates
from covey.aggregates.ports import Totals
from covey.collections.catalog import Catalog
from covey.collections.model import Collection
from covey.errors import CoveyError, Unavailable
from covey.jobs.model import Fault, Job, Status
from covey.jobs.runner import Save
from covey.jobs.service import Jobs
from covey.records.ports import RecordStore
from covey.records.rebuilding import Rebuilder

KIND = "reconcile"
CHUNK = 100
CLEANED = 500  # items removed before the place is saved
SETTLE_S = 5.0  # in which the stream tells of what was just written
RECORDS, MARKS, REST = "records", "marks", "rest"

_log = logging.getLogger(__name__)


def begin(jobs: Jobs, catalog: Catalog, slot: str) -> list[str]:
    """A job for each collection that has or had aggregates, once per slot: their names."""
    names = [one.name for one in catalog.all() if one.next_aggregate]
    for name in names:
        jobs.begin(KIND, f"{KIND}-{slot}-{name}", {"collection": name, "slot": slot})
    return names


class Reconcile:
    """The work of kind ``reconcile``."""

    def __init__(
        self,
        catalog: Catalog,
        records: RecordStore,
        rebuilder: Rebuilder,
        totals: Totals,
        keeper: Aggregates,
        *,
        rate: int = 1_000,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`rate` is how many records are looked at in a second."""
        self._catalog = catalog
        self._records = records
        self._rebuilder = rebuilder
        self._totals = totals
        self._keeper = keeper
        self._rate = rate
        self._pause = pause
        self._clock = clock

    def __call__(self, job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        """Go on until all is looked at or the time ends."""
        steps = {RECORDS: self._of_records, MARKS: self._of_marks, REST: self._rest}
        while True:
            collection = self._catalog.get(job.detail["collection"])
            phase = job.position.get("phase", RECORDS)
            if phase not in steps:
                break
            began = self._clock()
            job = save(steps[phase](collection, job))
            self._keep_pace(began)
            if not time_left():
                return job
        result = {
            "records": job.done,
            "mended": job.failed,
            "removed": job.position.get("removed", 0),
        }
        if job.failed:
            _log.warning("aggregates of %s had drifted by %d", job.detail["collection"], job.failed)
        return save(replace(job, status=Status.DONE, result=result))

    def _of_records(self, collection: Collection, job: Job) -> Job:
        if not collection.aggregates:
            return _at(job, REST)
        walk = self._rebuilder.walk(collection, job.position.get("place", ""), CHUNK)
        records = [one.record for one in walk.records]
        suspects = self._keeper.suspects(collection, records)
        job = self._mended(collection, job, suspects)
        job = replace(job, done=job.done + len(records))
        return _at(job, MARKS) if walk.next is None else _at(job, RECORDS, walk.next)

    def _of_marks(self, collection: Collection, job: Job) -> Job:
        """Marks of records that are gone, whose end was never told."""
        marks, place = self._totals.walk(collection, job.position.get("place", ""), CHUNK)
        ids = [mark.id for mark in marks]
        there = self._records.get_many(collection, ids)
        job = self._mended(collection, job, [one for one in ids if one not in there])
        return _at(job, REST) if place is None else _at(job, MARKS, place)

    def _rest(self, collection: Collection, job: Job) -> Job:
        removed = self._totals.clean(collection, CLEANED)
        total = job.position.get("removed", 0) + removed
        job = replace(job, position={**job.position, "removed": total})
        return job if removed else _at(job, "done")

    def _mended(self, collection: Collection, job: Job, suspects: Sequence[str]) -> Job:
        if not suspects:
            return job
        self._pause(SETTLE_S)
        try:
            mended = self._keeper.mend(collection, suspects)
        except Unavailable:
            raise
        except CoveyError:
            return self._one_by_one(collection, job, suspects)
        faults = [_drift(one) for one in mended]
        return job.advanced(faults, failed=job.failed + len(mended))

    def _one_by_one(self, collection: Collection, job: Job, suspects: Sequence[str]) -> Job:
        """Mend those that can be; one that cannot is told and holds up no other."""
        for one in suspects:
            try:
                mended = self._keeper.mend(collection, [one])
            except Unavailable:
                raise
            except CoveyError as error:
                fault = Fault(0, error.code, f"Record {one} could not be counted: {error.detail}")
                job = job.advanced([fault], failed=job.failed + 1)
            else:
                job = job.advanced([_drift(one) for one in mended], failed=job.failed + len(mended))
        return job

    def _keep_pace(self, began: float) -> None:
        ahead = CHUNK / self._rate - (self._clock() - began)
        if ahead > 0:
            self._pause(ahead)


def _drift(record_id: str) -> Fault:
    return Fault(0, "drift", f"Record {record_id} was counted as it no longer is.")


def _at(job: Job, phase: str, place: str = "") -> Job:
    position: dict[str, Any] = {**job.position, "phase": phase, "place": place}
    return replace(job, position=position)
