"""/admin/signing-keys and the API keys of users, for administrators."""

from __future__ import annotations

from typing import Any

from covey.http import Request, Response, Routes, no_content
from covey.identity.administrators import administrators_only
from covey.identity.signing_keys import Generation
from covey.records.time import rfc3339
from covey.wiring import services

_TIME = {"type": "string", "format": "date-time"}
SCHEMAS = {
    "SigningKey": {
        "type": "object",
        "required": ["id", "state", "created", "begins", "ends"],
        "properties": {
            "id": {"type": "string", "description": "the `kid` of its tokens"},
            "state": {"enum": ["coming", "signing", "verifying", "retired"]},
            "created": _TIME,
            "begins": {**_TIME, "description": "to sign"},
            "ends": {**_TIME, "type": ["string", "null"], "description": "to verify"},
        },
    },
    "SigningKeys": {
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/SigningKey"}}
        },
    },
}


def declare(routes: Routes) -> None:
    """Add the routes."""

    @routes.get(
        "/admin/signing-keys",
        summary="List the keys that sign access tokens, oldest first",
        answer="SigningKeys",
        problems=(401, 403),
    )
    def list_signing_keys(request: Request) -> Any:
        administrators_only(request.principal)
        return {"items": [_shown(one) for one in services().signing_keys.generations()]}

    @routes.post(
        "/admin/signing-keys",
        summary="Make the next key that signs access tokens",
        answer="SigningKey",
        status=201,
        problems=(401, 403, 409),
    )
    def rotate_signing_keys(request: Request) -> Response:
        """It is in the key set at once and signs ten minutes later. The key before verifies until
        its last token has ended: nobody is logged out.
        """
        administrators_only(request.principal)
        made = services().signing_keys.rotate()
        actor = request.principal.id
        services().audit.note("signing_key_made", "", request.place, actor=actor, key=made.kept.id)
        return Response(_shown(made), status=201)

    @routes.delete(
        "/admin/users/{id}/keys",
        summary="End all API keys of a user",
        status=204,
        problems=(401, 403, 404),
    )
    def end_keys(request: Request, id: str) -> Response:
        services().api_keys.end_all(request.principal, id, request.place)
        return no_content()


def _shown(one: Generation) -> dict[str, Any]:
    return {
        "id": one.kept.id,
        "state": one.state,
        "created": rfc3339(one.kept.created * 1000),
        "begins": rfc3339(one.begins * 1000),
        "ends": rfc3339(one.ends * 1000) if one.ends else None,
    }
