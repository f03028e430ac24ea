"""/records/{collection}/export: start an export."""

from __future__ import annotations

from typing import Any

from covey.errors import MethodNotAllowed
from covey.http import Parameter, Request, Response, Routes, cookies
from covey.wiring import services

STARTED: dict[str, Any] = {
    "type": "object",
    "required": ["job"],
    "properties": {
        "job": {
            "type": "object",
            "required": ["id", "status"],
            "description": "As `GET /jobs/{id}` answers.",
            "properties": {"id": {"type": "string"}, "status": {"type": "string"}},
        },
    },
}
SCHEMAS = {"ExportStarted": STARTED}


def declare(routes: Routes) -> None:
    """Add the route of exports."""

    @routes.get(
        "/records/{collection}/export",
        key=("read", "jobs"),
        summary="Export records as a file, by a job",
        query=(
            Parameter(
                "format",
                "One object a line, or a column for each field.",
                {"enum": ["jsonl", "csv"], "default": "jsonl"},
            ),
            Parameter("filter", "Which records: an expression, as in lists."),
            Parameter("sort", "In which order, as in lists; newest first without."),
            Parameter("fields", "Which fields, with commas between; all without."),
        ),
        answer="ExportStarted",
        status=202,
        problems=(400, 401, 404, 429),
    )
    def start_export(request: Request, collection: str) -> Response:
        """The job's result has a link to the file. It holds what the caller could list, asked
        page by page while the job runs. The same export again, while it runs, is the same job.
        """
        if request.method == "HEAD":  # which promises to change nothing
            raise MethodNotAllowed(["GET"])
        who = request.principal
        if request.by_cookie:  # a link elsewhere shall not begin work in its visitor's name
            cookies.require_own_page(request, writes=True)
        job = services().exports.start(who, collection, request.parameters())
        body = {"job": services().results.document(job, links=False)}
        no_store: dict[str, str | list[str]] = {"Cache-Control": "no-store"}
        return Response(body, status=202, location=f"/jobs/{job.id}", headers=no_store)
