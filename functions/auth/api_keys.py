"""/auth/keys: API keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.errors import FieldError, Invalid
from covey.http import Request, Response, Routes, no_content
from covey.identity.api_key import ApiKey
from covey.identity.api_keys import Wanted
from covey.identity.scopes import ACTIONS, SURFACES, asked
from covey.records.time import parse_rfc3339, rfc3339
from covey.wiring import services

_TIME = {"type": ["string", "null"], "format": "date-time"}
_ASKED: dict[str, Any] = {
    "name": {"type": "string", "minLength": 1, "maxLength": 100},
    "kind": {"enum": ["user", "service"], "default": "user"},
    "scopes": {
        "type": "object",
        "description": "Actions by collection; `*` is every collection.",
        "additionalProperties": {"type": "array", "items": {"enum": list(ACTIONS)}},
    },
    "surfaces": {"type": "array", "items": {"enum": list(SURFACES)}},
    "roles": {
        "type": "array",
        "items": {"type": "string"},
        "description": "`auth.roles` of a service key; `admin` passes the rules.",
    },
    "expires": _TIME,
}
_KEY: dict[str, Any] = {
    "type": "object",
    "required": ["id", "name", "kind", "scopes", "surfaces", "created", "used", "expires"],
    "properties": {
        "id": {"type": "string"},
        **_ASKED,
        "maker": {"type": "string", "description": "who made it"},
        "created": {"type": "string", "format": "date-time"},
        "used": {**_TIME, "description": "last, to the hour"},
    },
}
SCHEMAS = {
    "MakeApiKey": {
        "type": "object",
        "required": ["name"],
        "properties": _ASKED,
        "additionalProperties": False,
    },
    "ApiKey": _KEY,
    "ApiKeyMade": {
        **_KEY,
        "required": [*_KEY["required"], "key"],
        "properties": {
            **_KEY["properties"],
            "key": {"type": "string", "description": "for Authorization: Bearer; shown once"},
        },
    },
    "ApiKeys": {
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/ApiKey"}}
        },
    },
}


def declare(routes: Routes) -> None:
    """Add the routes."""

    @routes.post(
        "/auth/keys",
        summary="Make an API key",
        body="MakeApiKey",
        answer="ApiKeyMade",
        status=201,
        problems=(401, 403, 409, 422),
    )
    def make_key(request: Request) -> Response:
        """A key of kind `user` acts as you, within its scopes and never beyond what you may; one
        of kind `service` acts for itself, and administrators alone make it.
        """
        key, token = services().api_keys.make(
            request.principal, _wanted(request.json()), request.place
        )
        return Response({**_shown(key), "key": token}, status=201)

    @routes.get("/auth/keys", summary="List your API keys", answer="ApiKeys", problems=(401,))
    def list_keys(request: Request) -> Any:
        """Newest first; administrators also see those of the service."""
        return {"items": [_shown(key) for key in services().api_keys.of(request.principal)]}

    @routes.delete(
        "/auth/keys/{id}", summary="End an API key", status=204, problems=(401, 403, 404)
    )
    def end_key(request: Request, id: str) -> Response:
        """Takes hold with the next request."""
        services().api_keys.end(request.principal, id, request.place)
        return no_content()


def _wanted(body: Mapping[str, Any]) -> Wanted:
    faults = [
        FieldError(name[:64], "unknown_field", "is not known here")
        for name in body
        if name not in _ASKED
    ]
    kind, name, roles = body.get("kind", "user"), body.get("name"), body.get("roles") or []
    if kind not in ("user", "service"):
        faults.append(FieldError("kind", "invalid", "must be user or service"))
    if not isinstance(name, str):
        faults.append(FieldError("name", "required", "must be text"))
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        faults.append(FieldError("roles", "wrong_type", "must be a list of texts"))
    expires = _expires(body.get("expires"))
    if expires is None:
        faults.append(FieldError("expires", "invalid", "must be a time such as 2030-01-31T00:00Z"))
    if faults or expires is None:
        raise Invalid(f"{faults[0].field} {faults[0].message}.", errors=faults)
    scopes = asked(body.get("scopes"), body.get("surfaces"))
    return Wanted(str(name), scopes, expires, kind == "service", tuple(roles))


def _expires(given: object) -> int | None:
    """In seconds, 0 for never; None for what is no time."""
    if given is None:
        return 0
    try:
        return max(1, parse_rfc3339(given) // 1000) if isinstance(given, str) else None
    except ValueError:
        return None


def _shown(key: ApiKey) -> dict[str, Any]:
    scopes = key.scopes.document()
    return {
        "id": key.name.id,
        "name": key.title,
        "kind": key.kind,
        "scopes": scopes["collections"],
        "surfaces": scopes["surfaces"],
        "roles": list(key.roles),
        "maker": key.maker,
        "created": rfc3339(key.created * 1000),
        "used": rfc3339(key.used * 1000) if key.used else None,
        "expires": rfc3339(key.expires * 1000) if key.expires else None,
    }
