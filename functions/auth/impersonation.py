"""/auth/impersonate: administrators in the name of users."""

from __future__ import annotations

from covey.http import Request, Response, Routes
from covey.wiring import services
from functions.auth.forms import texts

SCHEMAS = {
    "Impersonate": {
        "type": "object",
        "required": ["user"],
        "properties": {"user": {"type": "string", "description": "the id"}},
        "additionalProperties": False,
    }
}


def declare(routes: Routes) -> None:
    """Add the route."""

    @routes.post(
        "/auth/impersonate",
        summary="Act in the name of a user",
        body="Impersonate",
        answer="SignedIn",
        problems=(401, 403, 404, 409, 422),
    )
    def impersonate(request: Request) -> Response:
        """For administrators, for 15 minutes. The audit log names both; the user sees the session
        in their list. Their password, address, factors and keys cannot be changed in it.
        """
        (user,) = texts(request.json(), "user")
        made = services().impersonation.start(request.principal, user, request.place)
        return Response(made.document())
