"""A job's files as its owner gets them: a link that ends, made when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from covey.files.blobs import Blob, Blobs
from covey.jobs.model import Job
from covey.records.time import now_ms, rfc3339

LINK_SECONDS = 3_600
KEPT_SECONDS = 7 * 86_400  # as the bucket's lifecycle rules have it
FILES = ("file", "report")  # parts of a result


def kept_file(blob: Blob, name: str) -> dict[str, Any]:
    """A file as a job's result keeps it; `name` is for whoever saves it."""
    return {"key": blob.key, "name": name, "size": blob.size, "content_type": blob.content_type}


class Results:
    """Jobs as documents."""

    def __init__(self, blobs: Callable[[], Blobs], *, now: Callable[[], int] = now_ms) -> None:
        """`blobs()` is asked for when a file is to be linked."""
        self._blobs = blobs
        self._now = now

    def document(self, job: Job, *, links: bool = True) -> dict[str, Any]:
        """The job, its files with links unless they have been forgotten."""
        shown = job.document()
        for part in FILES:
            if isinstance(kept := job.result.get(part), dict):
                shown["result"][part] = self._linked(job, kept, links)
        return shown

    def _linked(self, job: Job, kept: dict[str, Any], links: bool) -> dict[str, Any]:
        file = {name: value for name, value in kept.items() if name != "key"}
        if not links or self._now() > job.updated + KEPT_SECONDS * 1000:
            return file
        url = self._blobs().sign_download(kept["key"], LINK_SECONDS, filename=kept["name"])
        return {**file, "url": url, "expires": rfc3339(self._now() + LINK_SECONDS * 1000)}
