"""/jobs: progress and reports of background work."""

from __future__ import annotations

from covey.http import Parameter, Request, Response, Routes, invalid_parameter
from covey.wiring import services

JOB = {
    "type": "object",
    "required": ["id", "kind", "status", "progress", "done", "failed", "report"],
    "properties": {
        "id": {"type": "string"},
        "kind": {"type": "string"},
        "status": {"enum": ["waiting", "running", "done", "failed"]},
        "created": {"type": "string", "format": "date-time"},
        "updated": {"type": "string", "format": "date-time"},
        "progress": {"type": "number", "minimum": 0, "maximum": 1},
        "done": {"type": "integer"},
        "failed": {"type": "integer"},
        "detail": {"type": "object"},
        "report": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "row": {"type": "integer"},
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
        "result": {
            "type": "object",
            "properties": {
                "file": {"$ref": "#/components/schemas/JobFile"},
                "report": {"$ref": "#/components/schemas/JobFile"},
            },
        },
        "error": {"type": ["string", "null"]},
    },
}
FILE = {
    "type": "object",
    "required": ["name", "size", "content_type"],
    "description": "A file of a job, kept for 7 days.",
    "properties": {
        "name": {"type": "string"},
        "size": {"type": "integer"},
        "content_type": {"type": "string"},
        "url": {"type": "string", "format": "uri", "description": "Not in lists of jobs."},
        "expires": {"type": "string", "format": "date-time", "description": "Of the link."},
    },
}
JOBS = {
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Job"}}},
}


def routes() -> Routes:
    """The routes of this function."""
    routes = Routes("jobs", schemas={"Job": JOB, "Jobs": JOBS, "JobFile": FILE})

    @routes.get(
        "/jobs",
        key=("jobs",),
        summary="List your jobs, newest first",
        query=(
            Parameter("limit", "how many, 1 to 100", {"type": "integer"}),
            Parameter("system", "true: Covey's own, for administrators", {"type": "boolean"}),
        ),
        answer="Jobs",
    )
    def list_jobs(request: Request) -> Response:
        limit = request.query("limit") or "30"
        if not limit.isascii() or not limit.isdigit() or len(limit) > 4:
            raise invalid_parameter("limit", "is a whole number")
        jobs = services().jobs.list(
            request.principal, system=request.query("system") == "true", limit=int(limit)
        )
        return Response({"items": [services().results.document(job, links=False) for job in jobs]})

    @routes.get(
        "/jobs/{id}", key=("jobs",), summary="Read a job's progress and report", answer="Job"
    )
    def read_job(request: Request, id: str) -> Response:
        """`result.file` is what an export made, `result.report` the bad rows of an import where
        they are many: each with a link that is good for an hour, made anew with each answer.
        """
        return Response(services().results.document(services().jobs.get(request.principal, id)))

    return routes
