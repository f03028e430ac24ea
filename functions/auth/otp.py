"""/auth/otp and /auth/magic: signing in by a code or a link in a letter."""

from __future__ import annotations

from covey.http import Request, Response, Routes
from covey.identity.flows import CODE, MAGIC
from covey.wiring import services
from functions.auth.answering import signed_in
from functions.auth.forms import texts


def declare(routes: Routes) -> None:
    """Add the routes."""
    _otp(routes)
    _magic(routes)


def _otp(routes: Routes) -> None:
    @routes.post(
        "/auth/otp/request",
        summary="Have a code sent to sign in with",
        body="Email",
        answer="MailFlow",
        status=202,
        problems=(422, 429),
        public=True,
    )
    def request_otp(request: Request) -> Response:
        """The same answer, in the same time, whether the address has an account or not."""
        (email,) = texts(request.json(), "email")
        flow = services().codes.ask(CODE, email, request.place)
        return Response({"status": "check_mail", "flow": flow}, status=202)

    @routes.post(
        "/auth/otp",
        summary="Sign in with the code of the letter",
        body="Otp",
        answer="Entry",
        problems=(401, 409, 422, 429),
        public=True,
    )
    def otp(request: Request) -> Response:
        """By the flow that asked for it; five guesses. The address counts as verified."""
        flow, code = texts(request.json(), "flow", "code")
        return signed_in(request, services().codes.redeem(CODE, flow, code, request.place))


def _magic(routes: Routes) -> None:
    @routes.post(
        "/auth/magic/request",
        summary="Have a link sent to sign in with",
        body="Email",
        answer="MailFlow",
        status=202,
        problems=(422, 429),
        public=True,
    )
    def request_magic(request: Request) -> Response:
        """The same answer, in the same time, whether the address has an account or not."""
        (email,) = texts(request.json(), "email")
        flow = services().codes.ask(MAGIC, email, request.place)
        return Response({"status": "check_mail", "flow": flow}, status=202)

    @routes.post(
        "/auth/magic",
        summary="Sign in with the link of the letter",
        body="Magic",
        answer="Entry",
        problems=(401, 409, 422, 429),
        public=True,
    )
    def magic(request: Request) -> Response:
        """By the flow that asked for it: a forwarded link alone signs nobody in."""
        flow, token = texts(request.json(), "flow", "token")
        return signed_in(request, services().codes.redeem(MAGIC, flow, token, request.place))
