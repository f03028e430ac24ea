"""The job that removes the records of a collection that is ending, and then the collection.

It waits until no writer can have the catalog from before, then walks the records in the order of
their keys and removes each, with its claims and references, until a whole walk finds none. Those
that were removed softly go last. Versions in histories go when their time comes; a collection
that is made again under the name has keys of its own, and never meets them.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace

from covey.collections.catalog import Catalog
from covey.collections.model import Collection
from covey.errors import Conflict, NotFound, Unavailable
from covey.identity.principal import SYSTEM
from covey.jobs.backfill import CHUNK, LOOK_MS, PATIENCE_MS, Pace
from covey.jobs.model import Job, Status
from covey.jobs.runner import Save
from covey.jobs.service import Jobs
from covey.records.archive import Archive
from covey.records.model import Record
from covey.records.ports import RecordStore
from covey.records.rebuilding import Rebuilder
from covey.records.time import now_ms

KIND = "removal"
THREADS = 4
ATTEMPTS = 12


def begin(jobs: Jobs, name: str, version: int) -> str:
    """Start the job for a collection that ends at this version: its id."""
    job = jobs.prepare(SYSTEM, KIND, {"collection": name, "version": version})
    jobs.enqueue(job.id)
    return job.id


class Removal:
    """The work of kind ``removal``: chunk by chunk, its place saved after each."""

    def __init__(
        self,
        catalog: Catalog,
        store: RecordStore,
        rebuilder: Rebuilder,
        archive: Archive,
        pace: Pace,
        *,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._rebuilder = rebuilder
        self._archive = archive
        self._pace = pace
        self._now = now

    def __call__(self, job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        """Remove records until none is left or the time ends."""
        self._catalog.refresh()
        collection = self._catalog.ending(job.detail["collection"])
        if collection is None or collection.ending != job.id:
            return self._absent(job, save)
        if "place" not in job.position:
            settled = self._now() + round(self._pace.settle_s * 1000)
            return save(replace(job, not_before=settled, position={"place": "", "found": 0}))
        while True:
            place, found = job.position["place"], job.position["found"]
            walk = self._rebuilder.walk(collection, place, CHUNK)
            self._removed(collection, [walked.record for walked in walk.records])
            found += len(walk.records)
            if walk.next is None and not found:
                while self._archive.erase(collection, CHUNK):
                    if not time_left():
                        return job
                self._catalog.forget(collection)
                return save(replace(job, status=Status.DONE, result={"removed": job.done}))
            position = {"place": walk.next, "found": found}
            if walk.next is None:  # once more: a writer may have come late
                position = {"place": "", "found": 0}
            job = save(replace(job, position=position, done=job.done + len(walk.records)))
            if not time_left():
                return job

    def _absent(self, job: Job, save: Save) -> Job:
        """Not said yet by the catalog, or over already."""
        if "place" not in job.position and self._now() - job.created < PATIENCE_MS:
            return save(replace(job, not_before=self._now() + LOOK_MS))
        return save(replace(job, status=Status.DONE, result={"removed": job.done}))

    def _removed(self, collection: Collection, records: list[Record]) -> None:
        context = copy_context()

        def remove(record: Record) -> None:
            context.copy().run(self._remove, collection, record)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(remove, records))

    def _remove(self, collection: Collection, record: Record) -> None:
        current: Record | None = record
        for _ in range(ATTEMPTS):
            if current is None:
                return
            try:
                self._store.delete(collection, current)
            except NotFound:
                return
            except Conflict:
                current = self._store.get(collection, record.id, consistent=True)
            else:
                return
        raise Unavailable("Others keep changing a record.")
