"""The backfill job: parts that were declared anew are brought to the records that are there.

First it waits until no writer can have the catalog from before: from then on whatever is
written has them. Then it walks all records in the order of their keys, chunk by chunk, and mends
each on the condition that it is still at the version that was read; one that a writer was faster
with is read again. The position is saved after each chunk; a chunk that is run again finds its
records sound. At last the catalog says that the parts are ready, or which are not and why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import Any, Protocol

from covey.collections import builds, conversion
from covey.collections.catalog import Catalog
from covey.collections.model import Collection
from covey.collections.references import referring_fields
from covey.errors import Conflict, NotFound, Unavailable
from covey.jobs.model import Fault, Job, Status
from covey.jobs.runner import Save
from covey.records.model import Record
from covey.records.ports import RecordStore
from covey.records.rebuilding import Obstacle, Rebuilder, Walk
from covey.records.time import now_ms

CHUNK = 100
THREADS = 4
ATTEMPTS = 12  # of one record that others keep changing
LOOK_MS = 2_000  # between two looks for a catalog that is about to be saved
PATIENCE_MS = 60_000  # until it is given up: whoever wanted the job did not save
STEPS = 10_000  # what progress is counted in


@dataclass(frozen=True, slots=True)
class Pace:
    """How long writers may have the catalog from before, and how fast records are taken."""

    settle_s: float
    rate: int  # records per second


class Follower(Protocol):
    """Keeps something that follows from records, and can bring it to any of them at any time."""

    def parts(self, collection: Collection) -> frozenset[str]:
        """The parts of the collection that are its work."""
        ...

    def index(self, collection: Collection, ids: Sequence[str]) -> None:
        """Bring these records' share to what they and the collection say now."""
        ...


class Backfill:
    """The work of kind ``backfill``."""

    def __init__(
        self,
        catalog: Catalog,
        records: RecordStore,
        rebuilder: Rebuilder,
        pace: Pace,
        *,
        followers: Sequence[Follower] = (),
        begin: builds.Begin | None = None,
        now: Callable[[], int] = now_ms,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`now` is in milliseconds; `pause` sleeps for seconds."""
        self._followers = followers
        self._begin = begin
        self._catalog = catalog
        self._records = records
        self._rebuilder = rebuilder
        self._pace = pace
        self._now = now
        self._pause = pause

    def __call__(self, job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        """Take records until all are done or the time ends."""
        self._catalog.refresh()
        if "place" not in job.position:
            return self._awaited(job, save)
        while (place := job.position["place"]) is not None:
            began = self._now()
            collection = self._catalog.get(job.detail["collection"])
            if not _left(collection, job):
                break
            # Not more than a second's worth, so that no chunk outlives a catalog or the lease.
            limit = max(1, min(CHUNK, self._pace.rate))
            walk = self._rebuilder.walk(collection, place, limit)
            job = save(self._taken(collection, job, walk))
            self._keep_pace(len(walk.records), began)
            if not time_left():
                return job
        return self._settled(job, save)

    def _awaited(self, job: Job, save: Save) -> Job:
        """Wait for the catalog to say so, then for all writers to know."""
        now = self._now()
        collection = self._catalog.get(job.detail["collection"])
        if collection.version >= job.detail["version"]:
            settled = now + round(self._pace.settle_s * 1000)
            return save(replace(job, not_before=settled, position={"place": ""}))
        if now - job.created < PATIENCE_MS:
            return save(replace(job, not_before=now + LOOK_MS))
        return save(replace(job, status=Status.DONE, result={"built": [], "failed": []}))

    def _taken(self, collection: Collection, job: Job, walk: Walk) -> Job:
        wanted = _left(collection, job)
        unique = frozenset(
            fields
            for fields in collection.unique
            if builds.unique_part(collection, fields) in wanted
        )
        references = any(
            builds.references_part(field) in wanted for field in referring_fields(collection)
        )

        def mend(record: Record) -> list[Obstacle]:
            found = self._mended(collection, record, unique, references=references)
            return [one for one in found if one.part in wanted]

        due = [one.record for one in walk.records if unique or references or not one.sound]
        context = copy_context()
        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(lambda record: context.copy().run(mend, record), due))
        for follower in self._followers:
            if follower.parts(collection) & wanted:
                follower.index(collection, [one.record.id for one in walk.records])
        met = [one for obstacles in found for one in obstacles]
        failed = sum(bool(obstacles) for obstacles in found)
        position = _moved(job, walk)
        position["failed"] = sorted({*position.get("failed", ()), *(one.part for one in met)})
        return job.advanced(
            [Fault(0, one.code, one.message, ", ".join(one.fields)) for one in met],
            position=position,
            total=STEPS,
            done=job.done + len(walk.records) - failed,
            failed=job.failed + failed,
        )

    def _mended(
        self,
        collection: Collection,
        record: Record,
        unique: frozenset[tuple[str, ...]],
        *,
        references: bool,
    ) -> list[Obstacle]:
        """Mend a record, as others leave it; one that is gone needs nothing."""
        current: Record | None = record
        for _ in range(ATTEMPTS):
            if current is None:
                return []
            try:
                found = self._rebuilder.mend(collection, current, unique, references=references)
                return list(found)
            except NotFound:
                return []
            except Conflict:
                current = self._records.get(collection, record.id, consistent=True)
        raise Unavailable("Others keep changing a record.")

    def _keep_pace(self, records: int, began: int) -> None:
        ahead = records / self._pace.rate - (self._now() - began) / 1000
        if ahead > 0:
            self._pause(ahead)

    def _settled(self, job: Job, save: Save) -> Job:
        name = job.detail["collection"]
        words = builds.parts(self._catalog.get(name))
        wanted = {part: words[part] for part in job.detail["parts"] if part in words}
        against = set(job.position.get("failed", ()))
        built, failed = [p for p in wanted if p not in against], [p for p in wanted if p in against]
        builds.settle(self._catalog, name, job.id, built, failed)
        conversion.finish(self._catalog, name, self._begin)
        result = {"built": [wanted[p] for p in built], "failed": [wanted[p] for p in failed]}
        if not failed:
            return save(replace(job, status=Status.DONE, result=result))
        stand = "record stands" if job.failed == 1 else "records stand"
        error = (
            f"{job.failed} {stand} against {' and '.join(result['failed'])} of {name}; the "
            "report names them. Change or delete them, or take the declaration back; then push "
            "again. Until then writes are held to it, and nothing relies on it."
        )
        return save(replace(job, status=Status.FAILED, result=result, error=error))


def _left(collection: Collection, job: Job) -> frozenset[str]:
    """The parts of the job that the collection still has."""
    return frozenset(job.detail["parts"]) & builds.parts(collection).keys()


def _moved(job: Job, walk: Walk) -> dict[str, Any]:
    """The next place, and how far that is: by time of creation within a shard."""
    position: dict[str, Any] = {**job.position, "place": walk.next}
    share = 0.0
    if walk.records:
        last = walk.records[-1].record.created
        if position.get("shard") != walk.shard:
            position |= {"shard": walk.shard, "first": walk.records[0].record.created}
        span = max(1, job.updated - position["first"])
        share = min(1.0, max(0.0, (last - position["first"]) / span))
    position["offset"] = round(STEPS * (walk.shard + share) / walk.shards)
    return position
