"""/records/{collection}/search: records by the words that they have."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from covey.http import Parameter, Request, Response, Routes
from covey.wiring import services
from functions.records.schemas import FLAG, LIST

_TAKEN = ("filter", "limit", "cursor", "fields", "expand")
SEARCH = (
    Parameter(
        "q",
        'What to look for: words, `"words in a row"`, `begin*`.',
        {"type": "string", "minLength": 1, "maxLength": 1000},
    ),
    Parameter(
        "mode",
        "Whether a record must have `all` of the words or `any` of them.",
        {"enum": ["all", "any"], "default": "all"},
    ),
    Parameter("highlight", "Answer where the words are, in pieces of text.", FLAG),
    *(parameter for parameter in LIST if parameter.name in _TAKEN),
)
_PIECES: dict[str, Any] = {
    "type": "object",
    "description": "By field: pieces of its text, by turns plain and found.",
    "additionalProperties": {"type": "array", "items": {"type": "string"}},
}
HITS: dict[str, Any] = {
    "type": "object",
    "required": ["items", "scores", "next", "complete"],
    "properties": {
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Record"}},
        "scores": {
            "type": "array",
            "items": {"type": "number"},
            "description": "How well each of the items fits.",
        },
        "highlights": {"type": "array", "items": _PIECES, "description": "Of each of the items."},
        "next": {"type": ["string", "null"], "description": "null at the end."},
        "complete": {
            "type": "boolean",
            "description": "false where a budget ended before all was looked at.",
        },
    },
}
SCHEMAS = {"Hits": HITS}


def declare(routes: Routes) -> None:
    """Add the search."""

    @routes.get(
        "/records/{collection}/search",
        key=("read",),
        summary="Search records",
        query=SEARCH,
        answer="Hits",
        problems=(400, 404, 409),
    )
    def search_records(request: Request, collection: str) -> Response:
        """The best first, in the fields that the collection declares and the caller may read."""
        parameters = request.parameters()
        hits = services().finder.search(
            request.principal,
            collection,
            parameters,
            request={"method": request.method, "ip": request.ip},
        )
        body: dict[str, Any] = {
            "items": hits.items,
            "scores": hits.scores,
            "next": hits.next,
            "complete": hits.complete,
        }
        if hits.highlights is not None:
            body["highlights"] = hits.highlights
        following = None
        if hits.next is not None:
            following = f"{request.path}?{urlencode({**parameters, 'cursor': hits.next})}"
        return Response(body, next=following)
