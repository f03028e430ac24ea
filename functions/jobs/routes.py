"""/jobs: progress and reports of background work."""

from __future__ import annotations

from typing import Any

from covey.http import Parameter, Request, Response, Routes, invalid_parameter
from covey.identity.scopes import WRITES
from covey.jobs.model import Job
from covey.wiring import services
from functions.jobs import dead_letters, schedules

JOB = {
    "type": "object",
    "required": ["id", "kind", "status", "progress", "done", "failed", "report"],
    "properties": {
        "id": {"type": "string"},
        "kind": {"type": "string"},
        "status": {"enum": ["waiting", "running", "done", "failed", "cancelled", "skipped"]},
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
                "returned": {"description": "What a task returned."},
            },
        },
        "error": {"type": ["string", "null"]},
        "attempt": {"type": "integer", "description": "Of a task: how often it was begun."},
        "started": {"type": ["string", "null"], "format": "date-time"},
        "ended": {"type": ["string", "null"], "format": "date-time"},
        "seconds": {"type": ["number", "null"], "description": "From its start to its end."},
        "cost": {
            "type": "object",
            "description": "What its slices spent in the database so far.",
            "properties": {
                "rru": {"type": "number"},
                "wru": {"type": "number"},
                "usd": {"type": "number"},
            },
        },
        "log": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What a task said: the first lines and the last. Not in lists.",
        },
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
    own = {"Job": JOB, "Jobs": JOBS, "JobFile": FILE}
    routes = Routes("jobs", schemas=own | schedules.SCHEMAS)
    schedules.declare(routes)
    dead_letters.declare(routes)

    @routes.get(
        "/jobs",
        key=("jobs",),
        summary="List your jobs, newest first",
        query=(
            Parameter("limit", "how many, 1 to 100", {"type": "integer"}),
            Parameter("system", "true: Covey's own, for administrators", {"type": "boolean"}),
            Parameter("task", "those that code queued of this task, for administrators"),
        ),
        answer="Jobs",
    )
    def list_jobs(request: Request) -> Response:
        limit = request.query("limit") or "30"
        if not limit.isascii() or not limit.isdigit() or len(limit) > 4:
            raise invalid_parameter("limit", "is a whole number")
        who, task = request.principal, request.query("task")
        jobs = (
            services().jobs.list(who, system=request.query("system") == "true", limit=int(limit))
            if task is None
            else services().tasks.of(who, task, int(limit))
        )
        return Response({"items": [services().results.document(job, links=False) for job in jobs]})

    @routes.get(
        "/jobs/{id}", key=("jobs",), summary="Read a job's progress and report", answer="Job"
    )
    def read_job(request: Request, id: str) -> Response:
        """`result.file` is what an export made, `result.report` the bad rows of an import where
        they are many: each with a link that is good for an hour, made anew with each answer.
        """
        return Response(_whole(services().jobs.get(request.principal, id)))

    @routes.post(
        "/jobs/{id}/cancel",
        key=("jobs", WRITES),  # a key that only reads changes nothing
        summary="Cancel a job",
        answer="Job",
        problems=(404, 409),
    )
    def cancel_job(request: Request, id: str) -> Response:
        """It goes no further than to where it next saves how far it is; what it did stays done.
        409 `job_finished` where it was over before.
        """
        return Response(_whole(services().jobs.cancel(request.principal, id)))

    return routes


def _whole(job: Job) -> dict[str, Any]:
    return {**services().results.document(job), "log": list(job.log)}
