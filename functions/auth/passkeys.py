"""/auth/passkeys: adding, listing and removing them, and signing in by them."""

from __future__ import annotations

from typing import Any

from covey.http import Request, Response, Routes, no_content
from covey.identity.factors import Passkey
from covey.records.time import rfc3339
from covey.wiring import services
from functions.auth.answering import signed_in
from functions.auth.forms import an_object, texts


def declare(routes: Routes) -> None:
    """Add the routes."""
    _signing(routes)
    _adding(routes)
    _keeping(routes)


def _signing(routes: Routes) -> None:
    @routes.post(
        "/auth/passkeys/sign-in/options",
        summary="Get what navigator.credentials.get takes",
        answer="PasskeyOptions",
        problems=(429,),
        public=True,
    )
    def ask_passkey(request: Request) -> Any:
        """The same for everybody: the authenticator says who it is. Good once, five minutes."""
        return services().passkeys.ask(request.place)

    @routes.post(
        "/auth/passkeys/sign-in",
        summary="Sign in with a passkey",
        body="PasskeyCredential",
        answer="SignedIn",
        problems=(401, 422, 429),
        public=True,
    )
    def sign_in_by_passkey(request: Request) -> Response:
        """No second factor is asked for: a passkey that verifies its user is two."""
        credential = an_object(request.json(), "credential")
        return signed_in(request, services().passkeys.sign_in(credential, request.place))


def _adding(routes: Routes) -> None:
    @routes.post(
        "/auth/passkeys/options",
        summary="Get what navigator.credentials.create takes",
        body="Proof",
        bodiless=True,
        answer="PasskeyOptions",
        problems=(401, 403, 409, 422, 429),
    )
    def offer_passkey(request: Request) -> Any:
        """Within ten minutes of signing in, or with your password, or with a code of your
        authenticator app where you have one.
        """
        password, code = _proof(request)
        return services().passkeys.offer(request.principal, password, code, request.place)

    @routes.post(
        "/auth/passkeys",
        summary="Keep a passkey",
        body="NewPasskey",
        answer="Passkey",
        status=201,
        problems=(401, 403, 409, 422),
    )
    def add_passkey(request: Request) -> Response:
        body = request.json()
        credential = an_object({k: v for k, v in body.items() if k != "name"}, "credential")
        (name,) = texts({"name": body.get("name") or "Passkey"}, "name")
        made = services().passkeys.add(request.principal, credential, name, request.place)
        return Response(_shown(made), status=201)


def _keeping(routes: Routes) -> None:
    @routes.get(
        "/auth/passkeys", summary="List your passkeys", answer="Passkeys", problems=(401, 403)
    )
    def list_passkeys(request: Request) -> Any:
        return {"items": [_shown(one) for one in services().passkeys.of(request.principal)]}

    @routes.delete(
        "/auth/passkeys/{id}",
        summary="Remove one of your passkeys",
        body="Proof",
        bodiless=True,
        status=204,
        problems=(401, 403, 404, 422, 429),
    )
    def remove_passkey(request: Request, id: str) -> Response:
        """The proof is as for adding one; a session of less than ten minutes needs no body."""
        password, code = _proof(request)
        services().passkeys.remove(request.principal, id, password, code, request.place)
        return no_content()


def _proof(request: Request) -> tuple[str, str]:
    body = request.json() if request.body else {}
    password, code = texts({"password": "", "code": "", **body}, "password", "code")
    return password, code


def _shown(passkey: Passkey) -> dict[str, Any]:
    return {
        "id": passkey.id,
        "name": passkey.name,
        "created": rfc3339(passkey.created * 1000),
        "used": rfc3339(passkey.used * 1000) if passkey.used else None,
        "synced": passkey.synced,
    }
