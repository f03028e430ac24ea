"""/auth/oauth and /auth/identities: signing in by a provider."""

from __future__ import annotations

from typing import Any

from covey.config import settings
from covey.errors import FieldError, Invalid
from covey.http import Request, Response, Routes, no_content
from covey.http.operation import Parameter
from covey.identity.federation.flow import STATE, Wish
from covey.identity.federation.ports import Identity
from covey.records.time import rfc3339
from covey.wiring import services
from functions.auth.answering import signed_in
from functions.auth.forms import texts

_REDIRECT = Parameter("redirect_to", "where to lead back, one of `OAUTH_REDIRECTS`")
_CHALLENGE = Parameter("code_challenge", "base64url of the SHA-256 of a verifier of the app's")
_TICKET = Parameter("ticket", "of POST, in place of the others")

SCHEMAS: dict[str, dict[str, Any]] = {
    "Providers": {
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name", "title"],
                    "properties": {"name": {"type": "string"}, "title": {"type": "string"}},
                },
            }
        },
    },
    "BeginOAuth": {
        "type": "object",
        "required": ["redirect_to"],
        "properties": {
            "redirect_to": {"type": "string", "description": _REDIRECT.description},
            "code_challenge": {"type": "string", "description": _CHALLENGE.description},
        },
        "additionalProperties": False,
    },
    "BegunOAuth": {
        "type": "object",
        "required": ["authorization_url"],
        "properties": {
            "authorization_url": {
                "type": "string",
                "description": "where to lead the browser, good once, for two minutes",
            }
        },
    },
    "ExchangeOAuth": {
        "type": "object",
        "required": ["code"],
        "properties": {
            "code": {"type": "string", "description": "of the fragment of `redirect_to`"},
            "verifier": {"type": "string", "description": "of `code_challenge`"},
            "user": {"type": "object", "description": "fields of `users`, for who is new"},
        },
        "additionalProperties": False,
    },
    "Exchanged": {
        "description": "signed in, or to go on at /auth/mfa, or linked",
        "oneOf": [
            {"$ref": "#/components/schemas/SignedIn"},
            {"$ref": "#/components/schemas/SecondFactorNeeded"},
            {
                "type": "object",
                "required": ["identity"],
                "properties": {"identity": {"$ref": "#/components/schemas/Identity"}},
            },
        ],
    },
    "Identity": {
        "type": "object",
        "required": ["id", "provider", "issuer", "email", "linked"],
        "properties": {
            "id": {"type": "string"},
            "provider": {"type": "string"},
            "issuer": {"type": "string"},
            "email": {"type": ["string", "null"], "description": "that the provider vouched for"},
            "linked": {"type": "string", "format": "date-time"},
        },
    },
    "Identities": {
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/Identity"}}
        },
    },
}


def declare(routes: Routes) -> None:
    """Add the routes."""
    _leaving(routes)
    _arriving(routes)
    _identities(routes)


def _leaving(routes: Routes) -> None:
    @routes.get("/auth/oauth", summary="List who to sign in by", answer="Providers", public=True)
    def list_providers(request: Request) -> Any:
        return {"items": services().federation.providers()}

    @routes.get(
        "/auth/oauth/{provider}",
        summary="Lead a browser to a provider",
        query=(_REDIRECT, _CHALLENGE, _TICKET),
        status=303,
        problems=(401, 404, 422, 429, 503),
        public=True,
    )
    def begin_oauth(request: Request, provider: str) -> Response:
        """For links: the browser is led on, and keeps a cookie that binds it to its sign-in."""
        kept, ticket = _cookie(request), request.query("ticket")
        if ticket is not None:
            departure = services().federation.begin_by_ticket(provider, ticket, kept)
        else:
            wish = Wish(request.query("redirect_to") or "", request.query("code_challenge") or "")
            departure = services().federation.begin(provider, wish, kept, request.place)
        _keep(request, departure.browser)
        return _led(departure.url)

    @routes.post(
        "/auth/oauth/{provider}",
        summary="Begin to sign in by a provider, or to link it",
        body="BeginOAuth",
        answer="BegunOAuth",
        problems=(401, 404, 422, 429),
        public=True,
    )
    def ask_oauth(request: Request, provider: str) -> Any:
        """Lead the browser to the address in the answer. Signed in, it links the identity to
        your account: the exchange at the end must be made by you, too.
        """
        redirect_to, challenge = texts(
            {"code_challenge": "", **request.json()}, "redirect_to", "code_challenge"
        )
        caller = request.principal
        wish = Wish(redirect_to, challenge, caller.id if caller.session else "")
        return {"authorization_url": services().federation.ticket(provider, wish, request.place)}


def _arriving(routes: Routes) -> None:
    @routes.get(
        "/auth/oauth/{provider}/callback",
        summary="Where a provider leads the browser back",
        query=(
            Parameter("state", "as the provider got it"),
            Parameter("code", "the provider's"),
            Parameter("error", "why there is none"),
            Parameter("iss", "the provider itself, RFC 9207"),
        ),
        open_query=True,
        status=303,
        problems=(401, 404, 429, 503),
        public=True,
    )
    def finish_oauth(request: Request, provider: str) -> Response:
        """Leads on to the app: `#code=…`, or `#error=access_denied` or `provider_error`."""
        to = services().federation.come_back(
            provider, request.parameters(), _cookie(request), request.place
        )
        return _led(to)

    @routes.post(
        "/auth/oauth/exchange",
        summary="Sign in with the code of a finished sign-in",
        body="ExchangeOAuth",
        answer="Exchanged",
        problems=(401, 403, 409, 422),
        public=True,
    )
    def exchange_oauth(request: Request) -> Response:
        """The code is good once, for two minutes."""
        body = request.json()
        values = body.pop("user", None) or {}
        if not isinstance(values, dict):
            fault = FieldError("user", "wrong_type", "must be an object")
            raise Invalid("user must be an object.", errors=[fault])
        code, verifier = texts({"verifier": "", **body}, "code", "verifier")
        caller = request.principal
        arrival = services().federation.arrival(code, verifier)
        made = services().identities.exchange(arrival, caller, values, request.place)
        if isinstance(made, Identity):
            return Response({"identity": shown(made)})
        return signed_in(request, made)


def _identities(routes: Routes) -> None:
    @routes.get(
        "/auth/identities",
        summary="List what you can sign in by",
        answer="Identities",
        problems=(401, 403),
    )
    def list_identities(request: Request) -> Any:
        return {"items": [shown(one) for one in services().identities.of(request.principal)]}

    @routes.delete(
        "/auth/identities/{id}",
        summary="Sign in by this no more",
        status=204,
        problems=(401, 403, 404, 409),
    )
    def unlink_identity(request: Request, id: str) -> Response:
        """Sessions that were begun by it end, but for the one that asks."""
        services().identities.unlink(request.principal, id, request.place)
        return no_content()


def shown(identity: Identity) -> dict[str, Any]:
    """An identity as its user sees it."""
    return {
        "id": identity.id,
        "provider": identity.provider,
        "issuer": identity.issuer,
        "email": identity.email or None,
        "linked": rfc3339(identity.linked * 1000),
    }


def _led(to: str) -> Response:
    return Response(status=303, location=to, headers={"Cache-Control": "no-store"})


def _keep(request: Request, browser: str) -> None:
    # Lax: it must come along when the provider leads back, which is another site.
    name, secure = _name()
    request.set_cookies.append(
        f"{name}={browser}; Max-Age={STATE.seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"
    )


def _cookie(request: Request) -> str | None:
    sent = request.cookies(_name()[0])
    return sent[0] if len(sent) == 1 else None


def _name() -> tuple[str, str]:
    if settings().public_url.startswith("https://"):
        return "__Host-covey-oauth", "; Secure"
    return "covey-oauth", ""
