"""/auth/mfa: the second factor, and setting it up."""

from __future__ import annotations

from typing import Any

from covey.http import Request, Response, Routes, no_content
from covey.wiring import services
from functions.auth.answering import signed_in
from functions.auth.forms import an_object, texts


def declare(routes: Routes) -> None:
    """Add the routes."""
    _signing(routes)
    _setting_up(routes)


def _signing(routes: Routes) -> None:
    @routes.post(
        "/auth/mfa",
        summary="Sign in with a second factor",
        body="SecondFactor",
        answer="SignedIn",
        problems=(401, 422, 429),
        public=True,
    )
    def finish_sign_in(request: Request) -> Response:
        """A code of the authenticator app or for recovery, or a passkey, by the flow that
        sign-in answered.

        `invalid_credentials`: another code may do; `invalid_token`: sign in anew.
        """
        body = request.json()
        if "credential" in body:
            rest = {name: value for name, value in body.items() if name != "credential"}
            (flow,) = texts(rest, "flow")
            credential = an_object({"credential": body["credential"]}, "credential")
            return signed_in(request, services().passkeys.finish(flow, credential, request.place))
        flow, code = texts(body, "flow", "code")
        return signed_in(request, services().accounts.finish(flow, code, request.place))

    @routes.get(
        "/auth/mfa",
        summary="Read which factors you have set up",
        answer="Factors",
        problems=(401, 403),
    )
    def read_factors(request: Request) -> Any:
        return services().authenticator.status(request.principal)


def _setting_up(routes: Routes) -> None:
    @routes.post(
        "/auth/mfa/totp",
        summary="Get a secret for an authenticator app",
        body="PasswordOrNone",
        answer="TotpOffer",
        problems=(401, 403, 409, 422, 429),
    )
    def offer_totp(request: Request) -> Any:
        """With your password, or within ten minutes of signing in. Confirm it with a code."""
        (password,) = texts({"password": "", **request.json()}, "password")
        made = services().authenticator.offer(request.principal, password, request.place)
        return {"secret": made.secret, "uri": made.uri}

    @routes.post(
        "/auth/mfa/totp/confirm",
        summary="Turn the authenticator app on with its first code",
        body="Code",
        answer="RecoveryCodes",
        problems=(401, 403, 409, 422, 429),
    )
    def confirm_totp(request: Request) -> Any:
        """The recovery codes are shown this once."""
        (code,) = texts(request.json(), "code")
        codes = services().authenticator.confirm(request.principal, code, request.place)
        return {"recovery_codes": list(codes)}

    @routes.delete(
        "/auth/mfa/totp",
        summary="Remove the authenticator app and the recovery codes",
        body="Code",
        status=204,
        problems=(401, 403, 409, 422, 429),
    )
    def remove_totp(request: Request) -> Response:
        """With a code of the app, or for recovery."""
        (code,) = texts(request.json(), "code")
        services().authenticator.remove(request.principal, code, request.place)
        return no_content()

    @routes.post(
        "/auth/mfa/recovery-codes",
        summary="Get other recovery codes in place of all",
        body="Code",
        answer="RecoveryCodes",
        problems=(401, 403, 409, 422, 429),
    )
    def renew_recovery_codes(request: Request) -> Any:
        """With a code of the app, or for recovery; shown this once."""
        (code,) = texts(request.json(), "code")
        codes = services().authenticator.renew_codes(request.principal, code, request.place)
        return {"recovery_codes": list(codes)}
