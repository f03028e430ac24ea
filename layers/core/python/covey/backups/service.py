"""Starts backups and restores, for administrators."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from covey.backups import backing_up, restoring
from covey.backups.blocks import MEDIA_TYPE
from covey.backups.restoring import Target
from covey.errors import BadRequest
from covey.files.blobs import Blobs, SignedUpload
from covey.identity.administrators import administrators_only
from covey.identity.principal import Principal
from covey.jobs.model import Job
from covey.jobs.service import Jobs
from covey.jobs.uploads import key_of

MAX_UPLOAD = 5 * 1024**3  # S3's own limit of one PUT
UPLOAD_SECONDS = 3_600
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Backups:
    """Backups and restores of this deployment."""

    def __init__(self, jobs: Jobs, blobs: Blobs, target: Target) -> None:
        self._jobs = jobs
        self._blobs = blobs
        self._target = target

    def start(self, who: Principal, *, total: int = 0) -> Job:
        """A backup; the one that runs already, if one of the caller's does.

        Raises Unauthenticated, Forbidden.
        """
        administrators_only(who)
        running = [
            job
            for job in self._jobs.list(who, limit=20)
            if job.kind == backing_up.KIND and not job.finished
        ]
        job = running[0] if running else self._jobs.prepare(who, backing_up.KIND, {}, total=total)
        self._jobs.enqueue(job.id)
        return job

    def restore(self, who: Principal, body: Mapping[str, Any]) -> tuple[Job, SignedUpload]:
        """A restore, and the upload that starts it, good for an hour.

        Raises Conflict ``not_empty`` unless ``force`` is given, BadRequest
        ``invalid_parameter``, Unauthenticated, Forbidden.
        """
        administrators_only(who)
        chosen = {"force": False, "sha256": "", **body}
        if set(chosen) != {"force", "sha256"} or not isinstance(chosen["force"], bool):
            raise _bad("A restore takes force, true or false, and sha256.")
        digest = chosen["sha256"]
        if digest and not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
            raise _bad("sha256 is the digest of a backup: 64 hexadecimal digits.")
        if not chosen["force"]:
            self._target.refuse_filled(who.id)
        job = self._jobs.prepare(who, restoring.KIND, {**chosen, "caller": who.id})
        upload = self._blobs.sign_upload(
            key_of(restoring.KIND, job.id), MEDIA_TYPE, MAX_UPLOAD, UPLOAD_SECONDS
        )
        return job, upload


def _bad(detail: str) -> BadRequest:
    return BadRequest(detail, code="invalid_parameter")
