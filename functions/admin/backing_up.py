"""/admin/backup and /admin/restore: a whole deployment out and in."""

from __future__ import annotations

from typing import Any

from covey.http import Request, Response, Routes
from covey.wiring import services

JOB: dict[str, Any] = {
    "type": "object",
    "required": ["id", "status"],
    "description": "As `GET /jobs/{id}` answers.",
    "properties": {"id": {"type": "string"}, "status": {"type": "string"}},
}
STARTED: dict[str, Any] = {
    "type": "object",
    "required": ["job"],
    "properties": {"job": JOB},
}
OPTIONS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "force": {
            "type": "boolean",
            "default": False,
            "description": "Although there are records: those of the same id are replaced.",
        },
        "sha256": {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "The digest that the backup's job told; another file is refused.",
        },
    },
}
RESTORING: dict[str, Any] = {
    "type": "object",
    "required": ["job", "upload"],
    "properties": {
        "job": JOB,
        "upload": {
            "type": "object",
            "description": "The request that sends the file; the job starts when it is there.",
            "required": ["method", "url", "headers"],
            "properties": {
                "method": {"type": "string"},
                "url": {"type": "string", "format": "uri"},
                "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
    },
}
SCHEMAS = {"BackupStarted": STARTED, "RestoreOptions": OPTIONS, "RestoreStarted": RESTORING}


def declare(routes: Routes) -> None:
    """Add the routes of backups."""

    @routes.post(
        "/admin/backup",
        summary="Back up the whole deployment, by a job",
        answer="BackupStarted",
        status=202,
        problems=(403,),
    )
    def start_backup(request: Request) -> Response:
        """The job's result has a link to the file, and its digest. The file holds every record
        and what users sign in with: it is a secret.
        """
        job = services().backups.start(request.principal)
        body = {"job": services().results.document(job, links=False)}
        return Response(body, status=202, location=f"/jobs/{job.id}")

    @routes.post(
        "/admin/restore",
        summary="Restore a backup, by a job",
        body="RestoreOptions",
        answer="RestoreStarted",
        status=202,
        problems=(400, 403, 409, 415),
    )
    def start_restore(request: Request) -> Response:
        """Send the file with the `upload` of the answer. It is checked to its last byte before
        anything is changed. Wants a deployment without records, or `force`.
        """
        job, upload = services().backups.restore(request.principal, request.json())
        body = {"job": services().results.document(job, links=False), "upload": upload}
        return Response(body, status=202, location=f"/jobs/{job.id}")
