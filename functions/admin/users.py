"""/admin/users and /admin/audit: accounts, for administrators."""

from __future__ import annotations

from typing import Any

from covey.http import Parameter, Request, Response, Routes, no_content
from covey.identity.administrators import administrators_only
from covey.identity.audit import Event
from covey.records.time import rfc3339
from covey.wiring import services

MOST = 200
TEXT = {"type": "string"}
SCHEMAS = {
    "Events": {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["id", "kind", "at"],
                    "properties": {
                        "id": TEXT,
                        "kind": TEXT,
                        "at": {"type": "string", "format": "date-time"},
                        "user": TEXT,
                        "actor": TEXT,
                        "address": TEXT,
                        "agent": TEXT,
                        "detail": {"type": "object", "additionalProperties": TEXT},
                    },
                },
            },
            "next": {"type": ["string", "null"]},
        },
    }
}
LIST = (
    Parameter("user", "Events of this user only.", TEXT),
    Parameter("before", "The `next` of the page before.", TEXT),
    Parameter(
        "limit", "How many.", {"type": "integer", "minimum": 1, "maximum": MOST, "default": 50}
    ),
)


def declare(routes: Routes) -> None:
    """Add the routes."""

    @routes.post(
        "/admin/users/{id}/disable",
        summary="Disable an account",
        status=204,
        problems=(401, 403, 404, 409),
    )
    def disable_user(request: Request, id: str) -> Response:
        """Takes hold with the user's next request; all their sessions end."""
        services().administration.disable(request.principal, id, request.place)
        return no_content()

    @routes.post(
        "/admin/users/{id}/enable",
        summary="Enable an account again",
        status=204,
        problems=(401, 403, 404, 409),
    )
    def enable_user(request: Request, id: str) -> Response:
        services().administration.enable(request.principal, id, request.place)
        return no_content()

    @routes.delete(
        "/admin/users/{id}/sessions",
        summary="Sign a user out everywhere",
        status=204,
        problems=(401, 403, 404),
    )
    def end_sessions(request: Request, id: str) -> Response:
        services().administration.end_sessions(request.principal, id, request.place)
        return no_content()

    @routes.delete(
        "/admin/users/{id}/factors",
        summary="Remove the second factors and passkeys of a user who has lost them",
        status=204,
        problems=(401, 403, 404, 409),
    )
    def remove_factors(request: Request, id: str) -> Response:
        """Their sessions end too, and a letter tells them."""
        services().administration.remove_factors(request.principal, id, request.place)
        return no_content()

    @routes.get(
        "/admin/audit",
        summary="List what happened to accounts, newest first",
        query=LIST,
        answer="Events",
        problems=(400, 401, 403),
    )
    def list_events(request: Request) -> Any:
        """Of the 31 days before `before`, or before now; kept for 400 days."""
        administrators_only(request.principal)
        asked = request.parameters()
        limit = request.integer("limit", 50, 1, MOST)
        found = services().audit.newest(limit, asked.get("before", ""), asked.get("user", ""))
        more = len(found) == limit
        return {"items": [_shown(event) for event in found], "next": found[-1].id if more else None}


def _shown(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "kind": event.kind,
        "at": rfc3339(event.at),
        "user": event.user,
        "actor": event.actor,
        "address": event.place.address,
        "agent": event.place.agent,
        "detail": dict(event.detail),
    }
