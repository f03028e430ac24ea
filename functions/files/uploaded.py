"""An upload that a job waits for starts it."""

from __future__ import annotations

from covey.jobs.uploads import job_of
from covey.triggers.upload import Upload, upload_handler
from covey.wiring import services


def start(upload: Upload) -> None:
    """Queue the job that waits for this upload; other objects are left alone."""
    job_id = job_of(upload.key)
    if job_id is not None:
        services().jobs.enqueue(job_id)


handler = upload_handler(start)
