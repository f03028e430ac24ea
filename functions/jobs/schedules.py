"""/jobs/schedules: what runs by the clock, for administrators."""

from __future__ import annotations

from typing import Any

from covey.http import MERGE_PATCH, Parameter, Request, Response, Routes, no_content
from covey.wiring import services

SCHEDULE: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,62}$"},
        "description": {"type": "string", "maxLength": 500},
        "cron": {"type": "string", "description": "Five fields, such as `0 9 * * 1-5`."},
        "every": {"type": "string", "description": "Such as `15 minutes`, in the place of cron."},
        "zone": {"type": "string", "default": "UTC", "description": "Such as Europe/Zurich."},
        "task": {"type": "string", "description": "A task of the team's code."},
        "job": {"enum": ["export", "backup", "reconcile"], "description": "Or a job of Covey's."},
        "arguments": {"type": "object"},
        "enabled": {"type": "boolean", "default": True},
        "catch_up": {"enum": ["skip", "last", "all"], "default": "last"},
        "catch_up_limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 24},
        "overlap": {"enum": ["skip", "queue", "allow"], "default": "skip"},
        "retries": {"type": "integer", "minimum": 0, "maximum": 10},
        "timeout": {"type": "integer", "minimum": 1, "description": "Seconds of each attempt."},
        "priority": {"enum": ["high", "normal", "low"], "default": "normal"},
        "source": {"enum": ["api", "file", "code"], "description": "In answers only."},
        "since": {"type": "string", "format": "date-time", "description": "In answers only."},
        "next": {"type": ["string", "null"], "description": "The next slot; in answers only."},
        "missed": {"type": "integer", "description": "Slots let go; in answers only."},
    },
}
SCHEDULES: dict[str, Any] = {
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Schedule"}}},
}
SLOTS: dict[str, Any] = {
    "type": "object",
    "required": ["items"],
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["slot", "local"],
                "properties": {
                    "slot": {"type": "string", "format": "date-time"},
                    "local": {"type": "string", "description": "As a clock in its zone shows it."},
                },
            },
        }
    },
}
STARTED: dict[str, Any] = {
    "type": "object",
    "required": ["job"],
    "properties": {"job": {"$ref": "#/components/schemas/Job"}},
}
SCHEMAS = {
    "Schedule": SCHEDULE,
    "Schedules": SCHEDULES,
    "ScheduleSlots": SLOTS,
    "ScheduleRun": STARTED,
}
ALL, ONE = "/jobs/schedules", "/jobs/schedules/{name}"
PER_PAGE = Parameter("limit", "how many, 1 to 100", {"type": "integer"})


def declare(routes: Routes) -> None:
    """Add the routes of schedules."""

    @routes.get(ALL, summary="List the schedules", answer="Schedules", problems=(403,))
    def list_schedules(request: Request) -> Any:
        parts = services().schedules
        return {"items": [parts.shown(one) for one in parts.all(request.principal)]}

    @routes.get(ONE, summary="Read a schedule", answer="Schedule", problems=(403, 404))
    def read_schedule(request: Request, name: str) -> Any:
        parts = services().schedules
        return parts.shown(parts.get(request.principal, name))

    @routes.put(
        ONE,
        summary="Make or replace a schedule",
        body="Schedule",
        answer="Schedule",
        problems=(201, 400, 403, 409, 415, 422),
    )
    def put_schedule(request: Request, name: str) -> Response:
        """Slots before this moment never run; those of a schedule whose timing stays do."""
        parts = services().schedules
        made, new = parts.put(request.principal, name, request.json())
        location = f"/jobs/schedules/{name}" if new else None
        return Response(parts.shown(made), status=201 if new else 200, location=location)

    @routes.patch(
        ONE,
        summary="Change a schedule",
        body="Schedule",
        consumes=(MERGE_PATCH, "application/json"),
        answer="Schedule",
        problems=(400, 403, 404, 409, 415, 422),
    )
    def patch_schedule(request: Request, name: str) -> Any:
        """A merge patch. Of a schedule that code declares `enabled` alone can be changed."""
        parts = services().schedules
        return parts.shown(parts.patch(request.principal, name, request.merge_patch()))

    @routes.delete(ONE, summary="Remove a schedule", status=204, problems=(403, 404, 409))
    def delete_schedule(request: Request, name: str) -> Response:
        """Runs that are under way go on."""
        services().schedules.delete(request.principal, name)
        return no_content()

    @routes.get(
        f"{ONE}/next",
        summary="List the slots to come",
        query=(Parameter("count", "how many, 1 to 100", {"type": "integer", "default": 5}),),
        answer="ScheduleSlots",
        problems=(400, 403, 404),
    )
    def next_slots(request: Request, name: str) -> Any:
        count = request.integer("count", 5, 1, 100)
        return {"items": services().schedules.next(request.principal, name, count)}

    @routes.get(
        f"{ONE}/runs",
        summary="List the newest runs",
        query=(PER_PAGE,),
        answer="Jobs",
        problems=(400, 403, 404),
    )
    def list_runs(request: Request, name: str) -> Any:
        limit = request.integer("limit", 30, 1, 100)
        found = services().schedules.runs(request.principal, name, limit)
        return {"items": [services().results.document(job, links=False) for job in found]}

    @routes.post(
        f"{ONE}/run",
        summary="Run it now",
        answer="ScheduleRun",
        status=202,
        problems=(403, 404, 409),
    )
    def run_now(request: Request, name: str) -> Response:
        """Beside its slots, also where it is not enabled. 409 `run_under_way` where its runs do
        not overlap (`overlap: skip`) and one is under way.
        """
        job = services().schedules.run(request.principal, name)
        body = {"job": services().results.document(job, links=False)}
        return Response(body, status=202, location=f"/jobs/{job.id}")
