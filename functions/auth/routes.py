"""/auth: signing up, in, on and out, the first administrator, and the public keys."""

from __future__ import annotations

from typing import Any

from covey.http import Request, Response, Routes, cookies, no_content
from covey.wiring import services
from functions.auth import (
    addresses,
    anonymous,
    api_keys,
    impersonation,
    mfa,
    oauth,
    otp,
    pages,
    passkeys,
    passwords,
    sessions,
)
from functions.auth.answering import renewed, signed_in
from functions.auth.forms import texts
from functions.auth.page import page
from functions.auth.schemas import SCHEMAS


def routes() -> Routes:
    """The routes of this function."""
    routes = Routes(
        "auth", schemas={**SCHEMAS, **api_keys.SCHEMAS, **impersonation.SCHEMAS, **oauth.SCHEMAS}
    )
    _signing(routes)
    _bootstrap(routes)
    passwords.declare(routes)
    addresses.declare(routes)
    otp.declare(routes)
    mfa.declare(routes)
    passkeys.declare(routes)
    oauth.declare(routes)
    anonymous.declare(routes)
    sessions.declare(routes)
    api_keys.declare(routes)
    impersonation.declare(routes)
    pages.declare(routes)

    @routes.get(
        "/.well-known/jwks.json",
        summary="Read the public keys of access tokens",
        answer="KeySet",
        public=True,
    )
    def jwks(request: Request) -> Response:
        headers: dict[str, str | list[str]] = {"Cache-Control": "public, max-age=300"}
        return Response(services().tokens.jwks(), headers=headers)

    return routes


def _signing(routes: Routes) -> None:
    @routes.post(
        "/auth/sign-up",
        summary="Make a user and sign in",
        body="SignUp",
        answer="SignedIn",
        status=201,
        problems=(202, 403, 409, 422, 429),
        public=True,
    )
    def sign_up(request: Request) -> Response:
        """The rule `create` of the collection `users` decides who may. Where `SIGN_UP` is
        `by_mail` the answer is 202 for every address, and the rest is in a letter to it.
        """
        body = request.json()
        made = services().accounts.sign_up(
            {name: value for name, value in body.items() if name != "password"},
            body.get("password"),
            place=request.place,
            caller=request.principal,
        )
        if made is None:
            return Response({"status": "check_mail"}, status=202)
        return signed_in(request, made, status=201)

    @routes.post(
        "/auth/sign-in",
        summary="Sign in",
        body="SignIn",
        answer="Entry",
        problems=(401, 422, 429),
        public=True,
    )
    def sign_in(request: Request) -> Response:
        """An unknown e-mail, a wrong password and a disabled account answer alike.

        Where the user has an authenticator app, the answer holds no tokens yet but a flow, to go
        on with at `/auth/mfa`.
        """
        email, password = texts(request.json(), "email", "password")
        made = services().accounts.sign_in(email, password, place=request.place)
        return signed_in(request, made)

    @routes.post(
        "/auth/refresh",
        summary="Get fresh tokens for a refresh token",
        impersonated=True,
        body="Refresh",
        bodiless=True,
        answer="SignedIn",
        problems=(401, 422),
        public=True,
    )
    def refresh(request: Request) -> Response:
        """A refresh token is good for one use; a second use ends the session. Without a body
        the session of the cookie goes on.
        """
        cookie = None if request.body else cookies.sent(request)
        if cookie is not None:
            return renewed(request, cookie)
        (token,) = texts(request.json(), "refresh_token")
        return signed_in(request, services().accounts.refresh(token))

    @routes.post(
        "/auth/sign-out",
        summary="End the session",
        impersonated=True,
        body="Refresh",
        bodiless=True,
        status=204,
        problems=(401, 422),
        public=True,
    )
    def sign_out(request: Request) -> Response:
        """The session of the refresh token, or without a body that of the access token or the
        cookie.
        """
        if request.body:
            (token,) = texts(request.json(), "refresh_token")
            services().accounts.sign_out_by_token(token, request.place)
        else:
            services().accounts.sign_out(request.principal, request.place)
        if request.by_cookie:
            cookies.clear(request)
        return no_content()

    @routes.get("/auth/me", summary="Read your own user", answer="User", problems=(401,))
    def me(request: Request) -> Any:
        """`impersonated_by` is the administrator who acts in the user's name, if one does."""
        shown: dict[str, Any] = {"user": services().accounts.me(request.principal)}
        actor = request.principal.actor
        return {**shown, "impersonated_by": actor} if actor else shown


def _bootstrap(routes: Routes) -> None:
    @routes.get(
        "/auth/bootstrap",
        summary="A page that makes the first administrator",
        answer={"type": "string"},
        produces="text/html",
        public=True,
    )
    def show_bootstrap(request: Request) -> Response:
        return page("bootstrap")

    @routes.post(
        "/auth/bootstrap",
        summary="Make the first administrator with the one-time token",
        body="Bootstrap",
        answer="SignedIn",
        status=201,
        problems=(401, 409, 422, 429),
        public=True,
    )
    def bootstrap(request: Request) -> Response:
        token, email, password = texts(request.json(), "token", "email", "password")
        made = services().first_administrator.redeem(
            token, {"email": email}, password, place=request.place
        )
        return signed_in(request, made, status=201)
