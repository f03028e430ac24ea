"""The export job: what a list finds for its caller, as a file of CSV or JSON lines.

Each page is a list of its own, asked for by the caller with the roles of that moment: an export
holds what they could have listed by hand. Pages are written to a file in the making, and the
position is the cursor of the next one, saved with what the file needs to go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from covey import json
from covey.collections.model import Collection
from covey.errors import BadRequest, Conflict, CoveyError, TooManyRequests, Unavailable
from covey.files.blobs import Blobs
from covey.files.growing import Growing
from covey.identity.authorize import known_fields
from covey.identity.principal import Principal
from covey.jobs.cell_text import header_row, rows_of
from covey.jobs.model import Job, Status
from covey.jobs.owner import owner_of
from covey.jobs.results import kept_file
from covey.jobs.rows import FORMATS
from covey.jobs.runner import Save
from covey.jobs.service import Jobs
from covey.records.model import SYSTEM_FIELDS
from covey.records.reading import Listing
from covey.records.time import now_ms

KIND = "export"
PAGE = "200"
SAVE_MS = 3_000
MOST_RUNNING = 5  # of one caller
MEDIA_TYPES = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
OPTIONS = ("format", "filter", "sort", "fields")


class Lister(Protocol):
    """What an export needs of the records service: pages, under the rules."""

    def list(
        self, principal: Principal, collection: str, parameters: Mapping[str, str] | None = None
    ) -> Listing:
        """As `covey.records.service.Records.list`."""
        ...


def blob_key(job_id: str) -> str:
    """Where the file of a job lies."""
    return f"exports/{job_id}"


class Exports:
    """Starts exports."""

    def __init__(self, jobs: Jobs, lister: Lister, collection: Callable[[str], Collection]) -> None:
        self._jobs = jobs
        self._lister = lister
        self._collection = collection

    def start(self, who: Principal, collection: str, parameters: Mapping[str, str]) -> Job:
        """A job; the one that runs already where it is the same export.

        Raises what a list with these parameters raises, BadRequest ``invalid_parameter`` for a
        format that there is not, TooManyRequests with `MOST_RUNNING` under way, Unauthenticated
        for guests.
        """
        detail = {"collection": collection, "format": "jsonl", **parameters}
        unknown = sorted(set(parameters) - set(OPTIONS))
        if unknown:
            raise _bad(f"There is no parameter {unknown[0][:64]!r} here; there are {_OPTIONS}.")
        if detail["format"] not in FORMATS:
            raise _bad(f"format is one of {', '.join(FORMATS)}.")
        # What is wrong with the list is said now, and not by a job that fails.
        page = self._lister.list(
            who, collection, {**_asked(detail), "limit": "1", "count": "estimated"}
        )
        running = self._running(who)
        same = next((job for job in running if job.detail == detail), None)
        if same is not None:
            self._jobs.enqueue(same.id)
            return same
        if len(running) >= MOST_RUNNING:
            raise TooManyRequests(
                f"{len(running)} of your exports are running; wait for one.", retry_after=10
            )
        total = page.count.number if page.count else 0
        job = self._jobs.prepare(who, KIND, detail, total=total)
        self._jobs.enqueue(job.id)
        return job

    def _running(self, who: Principal) -> list[Job]:
        jobs = self._jobs.list(who, limit=2 * MOST_RUNNING)
        return [job for job in jobs if job.kind == KIND and not job.finished]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """How records are written."""

    form: str
    header: Sequence[str]
    collection: Collection

    def begin(self) -> bytes:
        return header_row(self.header).encode() if self.form == "csv" else b""

    def lines(self, items: Sequence[Mapping[str, Any]]) -> bytes:
        if self.form == "csv":
            return rows_of(self.header, self.collection.fields, items).encode()
        return "".join(json.encode(item) + "\n" for item in items).encode()


class Export:
    """The work of kind ``export``."""

    def __init__(
        self,
        blobs: Blobs,
        collection: Callable[[str], Collection],
        lister: Callable[[], Lister],
        user: Callable[[str], Principal],
        *,
        now: Callable[[], int] = now_ms,
    ) -> None:
        """`lister()` is made anew for each slice; `user(id)` is that user with the roles of now."""
        self._blobs = blobs
        self._collection = collection
        self._lister = lister
        self._user = user
        self._now = now

    def __call__(self, job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        """Write pages until the list or the time ends."""
        key, form = blob_key(job.id), job.detail["format"]
        growing = Growing(self._blobs, key, MEDIA_TYPES[form], job.position.get("file", {}))
        try:
            job = self._written(job, save, time_left, growing)
            if job.position.get("cursor") is not None:
                return job
            blob = growing.finish()
        except Unavailable:
            raise
        except CoveyError:
            growing.abandon()  # the job ends here
            raise
        name = f"{job.detail['collection']}.{form}"
        result = {"rows": job.done, "file": kept_file(blob, name)}
        job = save(replace(job, status=Status.DONE, total=job.done, result=result))
        growing.clear()
        return job

    def _written(
        self, job: Job, save: Save, time_left: Callable[[], bool], growing: Growing
    ) -> Job:
        """The job after its last page, or when the time is over; saved as it is."""
        if not job.position:
            job = self._begun(job, growing)
        lister, saved = self._lister(), self._now()
        cursor, done = job.position["cursor"], job.done
        while cursor is not None:
            page = self._page(job, lister, cursor)
            growing.write(self._sheet(job).lines(page.items))
            cursor, done = page.next, done + len(page.items)
            over = not time_left()
            if over or cursor is None or self._now() - saved >= SAVE_MS:
                position = {**job.position, "cursor": cursor, "file": growing.saved()}
                job = save(replace(job, done=done, position={**position, "offset": done}))
                saved = self._now()
            if over:
                break
        return job

    def _begun(self, job: Job, growing: Growing) -> Job:
        header = self._header(job)
        sheet = _Sheet(job.detail["format"], header, self._collection(job.detail["collection"]))
        growing.write(sheet.begin())
        return replace(job, position={"header": header, "cursor": "", "offset": 0})

    def _page(self, job: Job, lister: Lister, cursor: str) -> Listing:
        asked = _asked(job.detail) | {"limit": PAGE} | ({"cursor": cursor} if cursor else {})
        return lister.list(owner_of(job, self._user), job.detail["collection"], asked)

    def _header(self, job: Job) -> list[str]:
        """The columns: those asked for, or all that the caller may know of."""
        collection = self._collection(job.detail["collection"])
        if "fields" in job.detail:
            names = [name.strip() for name in job.detail["fields"].split(",")]
            return ["id", *(name for name in names if name != "id")]
        known = known_fields(owner_of(job, self._user), collection, write=False)
        return [*SYSTEM_FIELDS, *(name for name in collection.fields if name in known)]

    def _sheet(self, job: Job) -> _Sheet:
        """As the header has it; Conflict where a column's field is gone, or is called otherwise."""
        collection = self._collection(job.detail["collection"])
        gone = set(job.position["header"]) - collection.fields.keys() - set(SYSTEM_FIELDS)
        if gone and job.detail["format"] == "csv":
            raise Conflict(f"{', '.join(sorted(gone))} went while it was exported; start again.")
        return _Sheet(job.detail["format"], job.position["header"], collection)


_OPTIONS = ", ".join(sorted(OPTIONS))


def _asked(detail: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of the list."""
    return {name: detail[name] for name in ("filter", "sort", "fields") if name in detail}


def _bad(detail: str) -> BadRequest:
    return BadRequest(detail, code="invalid_parameter")
