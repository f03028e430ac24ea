"""/auth/verify and /auth/change-email."""

from __future__ import annotations

from covey.errors import Unauthenticated
from covey.http import Request, Response, Routes, no_content
from covey.identity.principal import GUEST, Principal
from covey.wiring import services
from functions.auth.forms import texts


def declare(routes: Routes) -> None:
    """Add the routes."""

    @routes.post(
        "/auth/verify/request",
        summary="Have the letter sent again that verifies your address",
        answer="CheckMail",
        status=202,
        problems=(401, 429),
    )
    def request_verification(request: Request) -> Response:
        services().addresses.ask_proof(request.principal)
        return Response({"status": "check_mail"}, status=202)

    @routes.post(
        "/auth/verify",
        summary="Verify an address by the link of the letter",
        body="Verify",
        status=204,
        problems=(401, 409, 422, 429),
        public=True,
    )
    def verify(request: Request) -> Response:
        """By whoever is signed in to the account, or knows its password, or sets a new one."""
        blank = {"password": "", "new_password": ""}
        token, password, new = texts(
            {**blank, **request.json()}, "token", "password", "new_password"
        )
        services().credentials.verify(
            _caller(request), token, request.place, password=password, new_password=new
        )
        return no_content()

    @routes.post(
        "/auth/change-email/request",
        summary="Have a letter sent to your new address",
        body="ChangeEmail",
        answer="CheckMail",
        status=202,
        problems=(401, 422, 429),
    )
    def request_change(request: Request) -> Response:
        """The old address gets word of it. It stays until the new one is confirmed."""
        body = request.json()
        email, password = texts({"password": "", **body}, "email", "password")
        services().credentials.ask_email_change(request.principal, email, password, request.place)
        return Response({"status": "check_mail"}, status=202)

    @routes.post(
        "/auth/change-email",
        summary="Change the address by the link of the letter",
        body="Link",
        status=204,
        problems=(401, 409, 422),
        public=True,
    )
    def change(request: Request) -> Response:
        (token,) = texts(request.json(), "token")
        services().addresses.change(token, request.place)
        return no_content()


def _caller(request: Request) -> Principal:
    """Who asks; the page behind the link may be open where a session has long ended."""
    try:
        return request.principal
    except Unauthenticated:
        if request.header("authorization"):
            raise
        return GUEST
