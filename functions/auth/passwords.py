"""/auth/change-password and /auth/reset."""

from __future__ import annotations

from covey.http import Request, Response, Routes, no_content
from covey.wiring import services
from functions.auth.answering import signed_in
from functions.auth.forms import texts


def declare(routes: Routes) -> None:
    """Add the routes."""

    @routes.post(
        "/auth/change-password",
        summary="Set another password by the current one",
        body="ChangePassword",
        answer="SignedIn",
        problems=(401, 409, 422, 429),
    )
    def change_password(request: Request) -> Response:
        """All sessions end; the answer holds the tokens of a new one."""
        current, new = texts(request.json(), "password", "new_password")
        changed = services().credentials.change(request.principal, current, new, request.place)
        return signed_in(request, changed, anew=True)

    @routes.post(
        "/auth/reset/request",
        summary="Have a letter sent with a link to set a new password",
        body="Email",
        answer="CheckMail",
        status=202,
        problems=(422, 429),
        public=True,
    )
    def request_reset(request: Request) -> Response:
        """The same answer, in the same time, whether the address has an account or not."""
        (email,) = texts(request.json(), "email")
        services().credentials.ask_reset(email, request.place)
        return Response({"status": "check_mail"}, status=202)

    @routes.post(
        "/auth/reset",
        summary="Set a new password by the link of the letter",
        body="Reset",
        status=204,
        problems=(401, 409, 422),
        public=True,
    )
    def reset(request: Request) -> Response:
        """The link is good once. All sessions end, and the address counts as verified."""
        token, password = texts(request.json(), "token", "password")
        services().credentials.reset(token, password, request.place)
        return no_content()
