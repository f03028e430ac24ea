"""The restore job: checks the whole file, then makes the catalog and the records what it says.

Nothing is changed before the last byte was checked. Then the collections are saved with their
physical keys and numbers, and each record is written by the store under its own id, version and
times, which makes its index entries and claims anew. The stream tells of each as of any write.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import Any

from covey.backups.blocks import Place, read
from covey.backups.checking import Check, Row, collections_of, remains_of, rows_of
from covey.backups.placing import Placer, ready
from covey.backups.ports import Credentials, Remains
from covey.collections import document, users
from covey.collections.catalog import Catalog, CatalogStore
from covey.collections.model import Collection
from covey.errors import Conflict, CoveyError, Unavailable
from covey.files.blobs import Blobs
from covey.jobs.model import Fault, Job, Status
from covey.jobs.report import Report
from covey.jobs.runner import Save
from covey.jobs.uploads import key_of
from covey.records.emptiness import is_empty
from covey.records.ports import Query, RecordStore
from covey.records.time import now_ms

KIND = "restore"
THREADS = 8
SAVE_MS = 3_000
ATTEMPTS = 10  # of a catalog that others change


@dataclass(frozen=True, slots=True)
class Target:
    """What a restore changes; `settle_s` is how long writers may have the catalog from before."""

    catalog: Catalog
    catalog_store: CatalogStore
    records: RecordStore
    credentials: Credentials
    remains: Remains
    settle_s: float

    def refuse_filled(self, caller: str) -> None:
        """Raise Conflict ``not_empty`` unless there is no record but the caller's own."""
        self.catalog.refresh()
        for collection in self.catalog.all():
            if collection.name == users.NAME:
                found = self.records.list(collection, Query(limit=2), lambda record: True)
                empty = {one.id for one in found.records} <= {caller} and found.next is None
            else:
                empty = is_empty(self.records, collection)
            if not empty:
                raise Conflict(
                    f"There are records in {collection.name}: a restore wants an empty deployment. "
                    "With force, records of the backup replace those with the same id, all others "
                    "stay, and collections that have records keep their definition.",
                    code="not_empty",
                )


class Restoring:
    """The work of kind ``restore``."""

    def __init__(self, blobs: Blobs, target: Target, *, now: Callable[[], int] = now_ms) -> None:
        self._blobs = blobs
        self._target = target
        self._now = now

    def __call__(self, job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        """Check, then restore, until all is done or the time ends."""
        key = key_of(KIND, job.id)
        blob = self._blobs.head(key)
        if job.position.get("etag", blob.etag) != blob.etag:
            raise Conflict("The file was replaced while it was read.")
        if not job.position:
            check = Check(self._target.remains).state()
            job = replace(job, position={"etag": blob.etag, "check": check}, total=2 * blob.size)
        if "written" not in job.position:
            job = self._checked(job, save, time_left)
            if not job.position["check"]["ended"]:
                return job
            job = save(self._begun(job))
            if job.not_before > self._now():
                return job
        job = self._written(job, save, time_left)
        if job.position["written"][0] < job.position["check"]["place"][0]:
            return job
        result: dict[str, Any] = {"records": job.position["check"]["counts"]}
        report = Report(self._blobs, job, "restore")
        if report.begun:
            result["report"] = report.finish()
        job = save(replace(job, status=Status.DONE, result=result))
        report.clear()
        self._blobs.delete(key)
        return job

    # ---- the file

    def _checked(self, job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        check = Check.resumed(self._target.remains, job.position["check"])
        if check.ended:
            return job
        saved = self._now()
        chunks = self._blobs.stream(key_of(KIND, job.id), start=check.place.offset)
        for block in read(chunks, check.place):
            check.take(block)
            if self._now() - saved >= SAVE_MS or not time_left():
                job, saved = save(_checked(job, check)), self._now()
                if not time_left():
                    return job
        check.finish()
        wanted = job.detail.get("sha256")
        if wanted and wanted != check.place.digest:
            raise Conflict("The backup is another than the one whose digest was given.")
        return save(_checked(job, check))

    # ---- the catalog

    def _begun(self, job: Job) -> Job:
        """The job with the collections saved; it goes on when all writers know them."""
        if not job.detail["force"]:
            self._target.refuse_filled(job.detail["caller"])
        changed = self._save_collections(self._collections(job))
        self._target.catalog.refresh()
        wait = round(self._target.settle_s * 1000) if changed else 0
        position = {**job.position, "written": [0, "", 0]}
        return replace(job, position=position, not_before=self._now() + wait)

    def _collections(self, job: Job) -> list[Collection]:
        return collections_of(next(read(self._blobs.stream(key_of(KIND, job.id)), Place())))

    def _save_collections(self, wanted: list[Collection]) -> bool:
        """Whether one that was there is another now; those that have records stay."""
        changed = False
        for collection in wanted:
            for _ in range(ATTEMPTS):
                version, there = self._target.catalog_store.load()
                before = next((one for one in there if one.name == collection.name), None)
                if before is None and collection.name == users.NAME:
                    before = users.collection()
                if before is not None and (
                    document.state(before) == document.state(collection)
                    or not self._is_free(before)
                ):
                    break
                try:
                    self._target.catalog_store.save(collection, version)
                except Conflict as conflict:
                    if conflict.code != "catalog_changed":
                        raise
                    continue
                changed |= before is not None
                break
            else:
                raise Unavailable("Others keep changing the collections.")
        return changed

    def _is_free(self, collection: Collection) -> bool:
        return collection.name == users.NAME or is_empty(self._target.records, collection)

    # ---- the records

    def _written(self, job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        place, known = Place(*job.position["written"]), dict[str, Collection]()

        def collection(name: str) -> Collection:
            if name not in known:
                known[name] = ready(self._target.catalog.get(name))
            return known[name]

        placer = Placer(
            self._target.records,
            self._target.credentials,
            collection,
            job.detail["caller"],
            job.detail["force"],
        )
        for block in read(self._blobs.stream(key_of(KIND, job.id), start=place.offset), place):
            rows = list(rows_of(block, place)) if place.block else []
            faults = self._placed(job, rows, placer)
            self._target.remains.put(remains_of(block) if place.block else [])
            place = block.after
            position = {**job.position, "written": [place.block, place.digest, place.offset]}
            position |= Report(self._blobs, job, "restore").added(faults)
            position["offset"] = job.total // 2 + place.offset
            done = job.done + len(rows) - len(faults)
            failed = job.failed + len(faults)
            job = save(job.advanced(faults, position=position, done=done, failed=failed))
            if not time_left():
                break
        return job

    def _placed(self, job: Job, rows: list[Row], placer: Placer) -> list[Fault]:
        context = copy_context()
        with ThreadPoolExecutor(THREADS) as pool:
            found = pool.map(lambda row: context.copy().run(placer.place, row), rows)
            first = job.done + job.failed + 1
            return [
                _fault(number, row, error)
                for number, (row, error) in enumerate(zip(rows, found, strict=True), first)
                if error is not None
            ]


def _checked(job: Job, check: Check) -> Job:
    position = {**job.position, "check": check.state(), "offset": check.place.offset}
    return replace(job, position=position)


def _fault(number: int, row: Row, error: CoveyError) -> Fault:
    where = f"{row.collection}/{row.record.id}"
    return Fault(
        number,
        error.code,
        f"{where}: {error.detail}",
        error.errors[0].field if error.errors else "",
    )
