"""An uploaded import starts its job."""

from __future__ import annotations

from covey.jobs.imports import job_of
from covey.triggers.upload import Upload, upload_handler
from covey.wiring import services


def start(upload: Upload) -> None:
    """Queue the job that waits for this upload; other objects are left alone."""
    job_id = job_of(upload.key)
    if job_id is not None:
        services().jobs.enqueue(job_id)


handler = upload_handler(start)
