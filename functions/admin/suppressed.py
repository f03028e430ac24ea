"""/admin/mail/suppressed: addresses that get no letters, as letters to them came back."""

from __future__ import annotations

from typing import Any

from covey.errors import BadRequest, NotFound
from covey.http import Parameter, Request, Response, Routes, no_content
from covey.identity.administrators import administrators_only
from covey.mail.message import MAX_ADDRESS
from covey.mail.suppressing import BOUNCE, COMPLAINT, Suppressed, plain
from covey.records.time import rfc3339
from covey.wiring import services

MAX_PAGE = 200
TEXT = {"type": "string"}
TIME = {"type": "string", "format": "date-time"}
ONE: dict[str, Any] = {
    "type": "object",
    "required": ["address", "reason", "since", "expires"],
    "properties": {
        "address": TEXT,
        "reason": {"enum": [BOUNCE, COMPLAINT]},
        "detail": {**TEXT, "description": "What its server, or its reader's, said."},
        "since": TIME,
        "expires": TIME,
    },
}
SCHEMAS = {
    "Suppressed": {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": ONE},
            "next": {"type": ["string", "null"], "description": "`after` of the next page."},
        },
    }
}


def declare(routes: Routes) -> None:
    """Add the routes."""

    @routes.get(
        "/admin/mail/suppressed",
        summary="List addresses that get no letters, in their order",
        query=(
            Parameter("after", "Only addresses behind this one.", TEXT),
            Parameter(
                "limit",
                "How many, 1 to 200; 50 unless given.",
                {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 50},
            ),
        ),
        answer="Suppressed",
        problems=(400, 401, 403),
    )
    def list_suppressed(request: Request) -> Any:
        """A bounce for good holds for 90 days, a complaint for a year."""
        administrators_only(request.principal)
        limit, after = request.integer("limit", 50, 1, MAX_PAGE), request.query("after") or ""
        if len(after) > MAX_ADDRESS:
            raise BadRequest("after is an address.")
        found = services().suppressions.list(after, limit + 1)
        more = len(found) > limit
        items = [_shown(one) for one in found[:limit]]
        return {"items": items, "next": items[-1]["address"] if more else None}

    @routes.delete(
        "/admin/mail/suppressed/{address}",
        summary="Let an address have letters again",
        status=204,
        problems=(401, 403, 404),
    )
    def lift_suppression(request: Request, address: str) -> Response:
        administrators_only(request.principal)
        usable = 0 < len(address) <= MAX_ADDRESS
        if not usable or not services().suppressions.remove(plain(address)):
            raise NotFound("suppressed address")
        return no_content()


def _shown(one: Suppressed) -> dict[str, Any]:
    return {
        "address": one.address,
        "reason": one.reason,
        "detail": one.detail,
        "since": rfc3339(one.since),
        "expires": rfc3339(one.expires * 1000),
    }
