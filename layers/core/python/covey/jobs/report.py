"""The whole report of a job with more bad rows than it can hold: a file of JSON lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from covey import json
from covey.files.blobs import Blobs
from covey.files.growing import Growing
from covey.jobs.model import REPORT_LIMIT, Fault, Job
from covey.jobs.results import kept_file

PLACE = "report"  # in a job's position


class Report:
    """The file of one job, as far as its position says that it was written."""

    def __init__(self, blobs: Blobs, job: Job, name: str) -> None:
        """`name` begins that of the file."""
        self._job = job
        self._name = name
        self.begun = PLACE in job.position
        key = f"reports/{job.id}"
        self._file = Growing(blobs, key, "application/x-ndjson", job.position.get(PLACE, {}))

    def added(self, faults: Sequence[Fault]) -> dict[str, Any]:
        """What the position says once these are written; nothing while the job can hold all."""
        kept = self._job.report
        if not faults or not (self.begun or len(kept) + len(faults) > REPORT_LIMIT):
            return {}
        lines = faults if self.begun else (*kept, *faults)
        self._file.write("".join(json.encode(asdict(one)) + "\n" for one in lines).encode())
        return {PLACE: self._file.saved()}

    def finish(self) -> dict[str, Any]:
        """The file, as a job's result keeps it."""
        return kept_file(self._file.finish(), f"{self._name}-report.jsonl")

    def clear(self) -> None:
        """Forget what was only kept to go on."""
        self._file.clear()
