"""/jobs/dead-letters: jobs that failed after all attempts, for administrators."""

from __future__ import annotations

from typing import Any

from covey.http import Parameter, Request, Response, Routes, no_content
from covey.wiring import services

ONE = "/jobs/dead-letters/{id}"


def declare(routes: Routes) -> None:
    """Add the routes of dead letters."""

    @routes.get(
        "/jobs/dead-letters",
        summary="List the jobs that were given up, newest first",
        query=(Parameter("limit", "how many, 1 to 100", {"type": "integer"}),),
        answer="Jobs",
        problems=(400, 403),
    )
    def list_dead_letters(request: Request) -> Any:
        """`GET /jobs/{id}` has the arguments, the reason and what was logged."""
        found = services().tasks.given_up(request.principal, request.integer("limit", 30, 1, 100))
        return {"items": [services().results.document(job, links=False) for job in found]}

    @routes.post(
        f"{ONE}/redrive",
        summary="Run it again, from its first attempt",
        answer="Job",
        status=202,
        problems=(403, 404, 409),
    )
    def redrive(request: Request, id: str) -> Response:
        """Under the same id: what an attempt has done already, the task must bear."""
        job = services().tasks.again(request.principal, id)
        shown = services().results.document(job, links=False)
        return Response(shown, status=202, location=f"/jobs/{job.id}")

    @routes.delete(ONE, summary="Drop it", status=204, problems=(403, 404, 409))
    def drop_dead_letter(request: Request, id: str) -> Response:
        """It stays failed, and is forgotten when its time comes."""
        services().tasks.drop(request.principal, id)
        return no_content()
