"""The import job: rows of an uploaded file become records, each through the whole pipeline.

A slice reads on from the saved position in chunks. A chunk is written by a few threads, then
its counts and faults are saved with the new position in one conditional write. A slice that
dies between the two runs its chunk again: ids are derived from the job and the row, so that a
row finds its own record and is not written twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from hashlib import blake2b
from itertools import islice
from typing import Any, Protocol

from covey.collections.catalog import Catalog
from covey.collections.model import Collection
from covey.errors import BadRequest, Conflict, CoveyError, TooLarge, Unavailable
from covey.files.blobs import Blobs, SignedUpload
from covey.identity.authorize import refuse_early
from covey.identity.principal import Principal
from covey.jobs import rows
from covey.jobs.cells import Reading, body_of
from covey.jobs.model import Fault, Job, Status
from covey.jobs.owner import owner_of
from covey.jobs.report import Report
from covey.jobs.runner import Save
from covey.jobs.service import Jobs
from covey.jobs.uploads import key_of
from covey.records.ids import RANDOM_BITS, text_of

KIND = "import"
CHUNK = 500
THREADS = 4
MODES = ("create", "upsert")
MAX_UPLOAD = 2_147_483_648
UPLOAD_SECONDS = 3_600
MEDIA_TYPES = {"csv": "text/csv", "jsonl": "application/x-ndjson"}


class Writer(Protocol):
    """What an import needs of the records service: one row in, through rules and validation."""

    def put_row(
        self,
        who: Principal,
        collection: str,
        body: Mapping[str, Any],
        *,
        record_id: str,
        derived: bool,
        upsert: bool,
    ) -> None:
        """As `covey.records.service.Records.put_row`."""
        ...


def options(body: Mapping[str, Any]) -> dict[str, Any]:
    """The checked options of an import: format, mode, null, columns.

    `null` is the text that stands for no value beside the empty cell (``NA``); `columns` names
    the field of a column that is called otherwise, or null to leave the column out. Raises
    BadRequest ``invalid_parameter``.
    """
    known = {"format": "csv", "mode": "create", "null": "", "columns": {}}
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise _bad(f"There is no option {unknown[0]}; there are {', '.join(sorted(known))}.")
    chosen = {**known, **body}
    if chosen["format"] not in rows.FORMATS:
        raise _bad(f"format is one of {', '.join(rows.FORMATS)}.")
    if chosen["mode"] not in MODES:
        raise _bad(f"mode is one of {', '.join(MODES)}.")
    if not isinstance(chosen["null"], str) or len(chosen["null"]) > 100:
        raise _bad("null is a short text.")
    columns = chosen["columns"]
    if not isinstance(columns, dict) or not all(
        value is None or isinstance(value, str) for value in columns.values()
    ):
        raise _bad("columns maps a column's name to a field's name or null.")
    return chosen


def _bad(detail: str) -> BadRequest:
    return BadRequest(detail, code="invalid_parameter")


class Imports:
    """Starts imports: a job that waits for its file."""

    def __init__(self, jobs: Jobs, blobs: Blobs, catalog: Catalog) -> None:
        self._jobs = jobs
        self._blobs = blobs
        self._catalog = catalog

    def start(
        self, who: Principal, collection: str, body: Mapping[str, Any]
    ) -> tuple[Job, SignedUpload]:
        """A job, and the upload that starts it, good for an hour.

        Rules are asked row by row; whoever could not write any row is refused here. Raises
        NotFound, Unauthenticated, Forbidden, BadRequest ``invalid_parameter``.
        """
        found = self._catalog.get(collection)
        refuse_early(who, found, "create")
        chosen = options(body)
        job = self._jobs.prepare(who, KIND, {"collection": found.name, **chosen})
        upload = self._blobs.sign_upload(
            key_of(KIND, job.id), MEDIA_TYPES[chosen["format"]], MAX_UPLOAD, UPLOAD_SECONDS
        )
        return job, upload


class Import:
    """The work of kind ``import``."""

    def __init__(
        self,
        blobs: Blobs,
        collection: Callable[[str], Collection],
        writer: Callable[[], Writer],
        user: Callable[[str], Principal],
    ) -> None:
        """`writer()` is made anew for each slice; `user(id)` is that user with the roles of now."""
        self._blobs = blobs
        self._collection = collection
        self._writer = writer
        self._user = user

    def __call__(self, job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        """Take rows until the file or the time ends."""
        key = key_of(KIND, job.id)
        who = owner_of(job, self._user)
        if "header" not in job.position:
            job = save(self._begun(job, key))
        elif self._blobs.head(key).etag != job.position.get("etag"):
            # The link may be used again within its hour: what it brings is another file, of which
            # neither the header nor the place that this one was read to is known.
            raise Conflict("The file was replaced while it was read.")
        offset, number = job.position["offset"], job.position["row"]
        found = rows.read(
            job.detail["format"],
            self._blobs.stream(key, start=offset),
            offset=offset,
            number=number,
            header=list(job.position["header"]),
        )
        writer = self._writer()
        while chunk := list(islice(found, CHUNK)):
            job = save(self._taken(job, chunk, who, writer))
            if not time_left():
                return job
        result: dict[str, Any] = {"rows": job.done + job.failed}
        report = Report(self._blobs, job, job.detail["collection"])
        if report.begun:
            result["report"] = report.finish()
        job = save(replace(job, status=Status.DONE, result=result))
        report.clear()
        self._blobs.delete(key)  # last: a slice cut off before this must not miss its file
        return job

    def _begun(self, job: Job, key: str) -> Job:
        blob = self._blobs.head(key)
        if blob.size > MAX_UPLOAD:  # S3 cannot bound a signed PUT
            raise TooLarge(f"A file has at most {MAX_UPLOAD} bytes.")
        header, offset = rows.header_of(job.detail["format"], self._blobs.stream(key))
        self._reading(job).check(header)
        position = {"offset": offset, "row": 0, "header": header, "etag": blob.etag}
        return replace(job, position=position, total=blob.size)

    def _taken(self, job: Job, chunk: list[rows.Row], who: Principal, writer: Writer) -> Job:
        reading = self._reading(job)
        upsert = job.detail["mode"] == "upsert"

        def take(row: rows.Row) -> list[Fault]:
            if row.fault:
                return [Fault(row.number, "malformed_row", f"The row {row.fault}.")]
            try:
                body, given = body_of(reading, row.values)
                writer.put_row(
                    who,
                    reading.collection.name,
                    body,
                    record_id=given or derived_id(job, row.number),
                    derived=not given,
                    upsert=upsert,
                )
            except Unavailable:
                raise  # no fault of the row: the chunk is taken again
            except CoveyError as refused:
                return _faults(row.number, refused)
            return []

        faults = [fault for found in _in_threads(take, chunk) for fault in found]
        failed = len({fault.row for fault in faults})
        position = {**job.position, "offset": chunk[-1].end, "row": chunk[-1].number}
        position |= Report(self._blobs, job, reading.collection.name).added(faults)
        return job.advanced(
            faults,
            position=position,
            done=job.done + len(chunk) - failed,
            failed=job.failed + failed,
        )

    def _reading(self, job: Job) -> Reading:
        return Reading(
            self._collection(job.detail["collection"]),
            text=job.detail["format"] == "csv",
            null=job.detail["null"],
            columns=job.detail["columns"],
        )


def derived_id(job: Job, row: int) -> str:
    """The id of a row's record: in the order of the rows, and the same when it is run again."""
    digest = blake2b(f"{job.id}\0{row}".encode(), digest_size=4).digest()
    low = (row << 32 | int.from_bytes(digest, "big")) & ((1 << RANDOM_BITS) - 1)
    return text_of((job.created + (row >> 20)) << RANDOM_BITS | low)


def _faults(row: int, refused: CoveyError) -> list[Fault]:
    if not refused.errors:
        return [Fault(row, refused.code, refused.detail)]
    return [Fault(row, one.code, one.message, one.field) for one in refused.errors]


def _in_threads(
    take: Callable[[rows.Row], list[Fault]], chunk: list[rows.Row]
) -> Iterator[list[Fault]]:
    """Rows by a few threads: most of a row's time is waiting for the table."""
    context = copy_context()
    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(lambda row: context.copy().run(take, row), chunk)
