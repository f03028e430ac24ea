"""/admin/outbox: letters that were kept instead of sent."""

from __future__ import annotations

from typing import Any

from covey.errors import NotFound
from covey.http import Request, Routes
from covey.identity.administrators import administrators_only
from covey.mail.ports import Kept
from covey.records.time import rfc3339
from covey.wiring import services

NEWEST = 50
TEXT = {"type": "string"}
ENVELOPE = {
    "id": TEXT,
    "sent": {"type": "string", "format": "date-time"},
    "to": TEXT,
    "subject": TEXT,
    "kind": TEXT,
}
SCHEMAS = {
    "Letter": {
        "type": "object",
        "required": [*ENVELOPE, "text", "html"],
        "properties": {**ENVELOPE, "text": TEXT, "html": TEXT},
    },
    "Outbox": {
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": list(ENVELOPE),
                    "properties": ENVELOPE,
                },
            }
        },
    },
}


def declare(routes: Routes) -> None:
    """Add the routes."""

    @routes.get(
        "/admin/outbox", summary="List the newest letters", answer="Outbox", problems=(401, 403)
    )
    def list_letters(request: Request) -> Any:
        """Empty where letters are sent (`MAILER` is not `outbox`). Kept for a week."""
        administrators_only(request.principal)
        return {"items": [_envelope(kept) for kept in services().outbox.newest(NEWEST)]}

    @routes.get(
        "/admin/outbox/{id}", summary="Read a letter", answer="Letter", problems=(401, 403, 404)
    )
    def read_letter(request: Request, id: str) -> Any:
        administrators_only(request.principal)
        kept = services().outbox.get(id)
        if kept is None:
            raise NotFound("letter")
        return {**_envelope(kept), "text": kept.message.text, "html": kept.message.html}


def _envelope(kept: Kept) -> dict[str, Any]:
    message = kept.message
    return {
        "id": kept.id,
        "sent": rfc3339(kept.sent),
        "to": message.to,
        "subject": message.subject,
        "kind": message.kind,
    }
