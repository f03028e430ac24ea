"""What follows the removal of a record: its referrers are removed too, or let go of it.

The stream tells of the removal, so that nothing that ends between the two loses the work: a
change that was not taken comes again, and finds the job that it began. Each removal that a
cascade makes is a change of its own, with a job of its own; a circle ends where nothing is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from covey.collections import builds
from covey.collections.catalog import Catalog
from covey.collections.model import Collection, Field
from covey.collections.references import CASCADE, CLEAR, referring
from covey.errors import CoveyError, NotFound, PreconditionFailed, Unavailable
from covey.identity.principal import SYSTEM
from covey.jobs.model import Fault, Job, Status
from covey.jobs.runner import Save
from covey.jobs.service import Jobs
from covey.records.conditions import Conditions, Tags
from covey.records.model import Change, ChangeKind, Record
from covey.records.ports import RecordStore
from covey.records.referrers import refers
from covey.records.service import Records
from covey.records.time import now_ms

KIND = "cascade"
CHUNK = 25
THREADS = 4
ATTEMPTS = 12  # of one record that others keep changing
LOOK_MS = 2_000  # between two looks for a relation that is being built


class Cascades:
    """The consumer of changes that begins a job for each removal that has one to do."""

    name = "references"

    def __init__(self, jobs: Jobs, catalog: Catalog, store: RecordStore) -> None:
        self._jobs = jobs
        self._catalog = catalog
        self._store = store

    def wants(self, collection: Collection) -> bool:
        """Whether others refer to this collection's records and do not hold them."""
        return any(referring(self._catalog.all(), collection.name, CASCADE, CLEAR))

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        """Begin the jobs; a change that comes again finds its own."""
        for change in changes:
            if change.kind is ChangeKind.DELETED and self._referred(collection, change.id):
                text = f"{collection.name}\0{change.id}\0{change.sequence}".encode()
                name = f"{KIND}-{blake2b(text, digest_size=12).hexdigest()}"
                self._jobs.begin(KIND, name, {"collection": collection.name, "id": change.id})

    def _referred(self, collection: Collection, record_id: str) -> bool:
        every = referring(self._catalog.all(), collection.name, CASCADE, CLEAR)
        return any(
            builds.unready_references(child, field) is not None
            or self._store.referrers(child, field, record_id, "", 1)
            for child, field in every
        )


class Cascade:
    """The work of kind ``cascade``: chunk by chunk, its place saved after each."""

    def __init__(
        self,
        catalog: Catalog,
        store: RecordStore,
        records: Callable[[], Records],
        *,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._records = records
        self._now = now

    def __call__(self, job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        """Take referrers until none is left or the time ends."""
        self._catalog.refresh()
        to, target = job.detail["collection"], job.detail["id"]
        while True:
            part = self._next(job, to, target)
            if part is None:
                return self._ended(job, save)
            collection, field, ids = part
            if builds.unready_references(collection, field) is not None:
                return save(replace(job, not_before=self._now() + LOOK_MS))
            job = save(self._taken(job, collection, field, target, ids))
            if not time_left():
                return job

    def _next(self, job: Job, to: str, target: str) -> tuple[Collection, Field, list[str]] | None:
        """The next chunk; None where nothing is left, or the target has been made again."""
        try:
            there = self._store.get(self._catalog.get(to), target, consistent=True)
        except NotFound:
            there = None  # the collection went with it
        if there is not None:
            return None
        for collection, field in referring(self._catalog.all(), to, CASCADE, CLEAR):
            if builds.unready_references(collection, field) is not None:
                return collection, field, []
            after = job.position.get(_place(collection, field), "")
            ids = self._store.referrers(collection, field, target, after, CHUNK)
            if ids:
                return collection, field, list(ids)
        return None

    def _taken(
        self, job: Job, collection: Collection, field: Field, target: str, ids: Sequence[str]
    ) -> Job:
        context = copy_context()

        def take(record_id: str) -> Fault | bool:
            return context.copy().run(self._take, collection, field, target, record_id)

        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(take, ids))
        faults = [one for one in found if isinstance(one, Fault)]
        return job.advanced(
            faults,
            position={**job.position, _place(collection, field): ids[-1]},
            done=job.done + sum(one is True for one in found),
            failed=job.failed + len(faults),
        )

    def _take(
        self, collection: Collection, field: Field, target: str, record_id: str
    ) -> Fault | bool:
        """Remove or clear one; False where it does not refer to the target any more."""
        records = self._records()
        for _ in range(ATTEMPTS):
            record = self._store.get(collection, record_id, consistent=True)
            if record is None or not refers(field, record, target):
                return False
            unchanged = Conditions(if_match=Tags(strong=frozenset((record.etag,))))
            try:
                if field.options["on_delete"] == CASCADE:
                    records.delete(SYSTEM, collection.name, record_id, conditions=unchanged)
                else:
                    patch = {field.name: _without(field, record, target)}
                    records.update(SYSTEM, collection.name, record_id, patch, conditions=unchanged)
            except NotFound:
                return False
            except PreconditionFailed:
                continue
            except Unavailable:
                raise
            except CoveyError as error:
                message = f"{collection.name}/{record_id}: {error.detail}"
                return Fault(0, error.code, message, f"{collection.name}.{field.name}")
            return True
        raise Unavailable("Others keep changing a record.")

    def _ended(self, job: Job, save: Save) -> Job:
        if not job.failed:
            return save(replace(job, status=Status.DONE, result={"changed": job.done}))
        error = (
            f"{job.failed} of the records that refer to {job.detail['collection']}/"
            f"{job.detail['id']}, which is gone, could not be changed; the report names them."
        )
        return save(replace(job, status=Status.FAILED, error=error))


def _without(field: Field, record: Record, target: str) -> Any:
    if not field.list:
        return None
    return [one for one in record.values[field.name] if one != target]


def _place(collection: Collection, field: Field) -> str:
    return f"{collection.name}.{field.key}"
