"""/records/{collection}/import: start an import."""

from __future__ import annotations

from typing import Any

from covey.http import KEY, Request, Response, Routes, kept_after
from covey.wiring import services

OPTIONS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "format": {"enum": ["csv", "jsonl"], "default": "csv"},
        "mode": {
            "enum": ["create", "upsert"],
            "default": "create",
            "description": "What a row does whose id is taken: it is refused, or it replaces.",
        },
        "null": {
            "type": "string",
            "description": "The text that stands for no value, beside the empty cell: `NA`.",
        },
        "columns": {
            "type": "object",
            "additionalProperties": {"type": ["string", "null"]},
            "description": "Columns that are not called like their field; null leaves one out.",
        },
    },
}
STARTED: dict[str, Any] = {
    "type": "object",
    "required": ["job", "upload"],
    "properties": {
        "job": {"$ref": "#/components/schemas/ImportJob"},
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
JOB: dict[str, Any] = {
    "type": "object",
    "required": ["id", "status"],
    "description": "As `GET /jobs/{id}` answers.",
    "properties": {"id": {"type": "string"}, "status": {"type": "string"}},
}
SCHEMAS = {"ImportOptions": OPTIONS, "ImportStarted": STARTED, "ImportJob": JOB}


def declare(routes: Routes) -> None:
    """Add the route of imports."""

    @routes.post(
        "/records/{collection}/import",
        key=("create", "jobs"),
        summary="Import a file as a job",
        headers=(KEY,),
        body="ImportOptions",
        answer="ImportStarted",
        status=202,
        problems=(400, 404, 409, 415, 422),
    )
    def start_import(request: Request, collection: str) -> Response:
        """Send the file with the `upload` of the answer; `GET /jobs/{id}` tells how far it is.

        Each row passes the same rules and validation as a create. A row that does not is
        reported and its neighbours go on.
        """

        def start() -> Response:
            job, upload = services().imports.start(request.principal, collection, request.json())
            body = {"job": job.document(), "upload": upload}
            return Response(body, status=202, location=f"/jobs/{job.id}")

        return kept_after(request, start)
