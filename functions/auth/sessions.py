"""/auth/sessions: where you are signed in."""

from __future__ import annotations

from typing import Any

from covey.errors import NotFound, Unauthenticated
from covey.http import Request, Response, Routes, no_content
from covey.identity.ports import Session
from covey.records.time import rfc3339
from covey.wiring import services


def declare(routes: Routes) -> None:
    """Add the routes."""

    @routes.get(
        "/auth/sessions",
        summary="List where you are signed in",
        answer="Sessions",
        problems=(401,),
    )
    def list_sessions(request: Request) -> Any:
        """The one used last first; `current` is the one that asks."""
        caller = _user(request)
        held = services().sessions.of(caller.id)
        return {"items": [shown(one, caller.session) for one in held]}

    @routes.delete(
        "/auth/sessions/{id}", summary="End one of your sessions", status=204, problems=(401, 404)
    )
    def end_session(request: Request, id: str) -> Response:
        caller = _user(request)
        if id not in (one.id for one in services().sessions.of(caller.id)):
            raise NotFound("session")
        services().sessions.end(caller.id, id)
        services().audit.note("session_ended", caller.id, request.place, actor=caller.actor)
        return no_content()

    @routes.delete(
        "/auth/sessions", summary="End all your sessions but this one", status=204, problems=(401,)
    )
    def end_others(request: Request) -> Response:
        caller = _user(request)
        services().sessions.end_all(caller.id, but=caller.session)
        services().audit.note("sessions_ended", caller.id, request.place, actor=caller.actor)
        return no_content()


def shown(session: Session, current: str = "") -> dict[str, Any]:
    """A session as its user sees it."""
    return {
        "id": session.id,
        "created": rfc3339(session.created * 1000),
        "used": rfc3339(session.used * 1000),
        "expires": rfc3339(session.expires * 1000),
        "address": session.place.address,
        "agent": session.place.agent,
        "means": session.means,
        "impersonated": bool(session.actor),
        "current": session.id == current,
    }


def _user(request: Request) -> Any:
    if not request.principal.session:
        raise Unauthenticated("Sign in first.")
    return request.principal
