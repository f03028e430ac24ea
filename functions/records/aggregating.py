"""/records/{collection}/aggregate: counts, sums and ends of groups."""

from __future__ import annotations

from typing import Any

from covey.http import Request, Response, Routes
from covey.wiring import services

_FIELDS: dict[str, Any] = {"type": "array", "items": {"type": "string"}, "maxItems": 4}
_NUMBERS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": ["number", "null"]}}
_ENDS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": {"type": ["number", "string", "null"]},
}
AGGREGATE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "group": {**_FIELDS, "description": "Fields whose values make a group; none for one."},
        "count": {"type": "boolean", "default": False},
        "sum": {**_FIELDS, "description": "Fields of numbers."},
        "avg": {**_FIELDS, "description": "Fields of numbers."},
        "min": {**_FIELDS, "description": "Fields of numbers or times."},
        "max": {**_FIELDS, "description": "Fields of numbers or times."},
        "filter": {"type": "string", "description": "Which records count, such as `paid`."},
        "sort": {
            "description": "Of what is asked for, `-` for descending: `[-sum.views, author]`.",
            "type": ["array", "string"],
            "items": {"type": "string"},
        },
        "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
        "explain": {"type": "boolean", "description": "Answer how it would be answered."},
    },
}
GROUPS: dict[str, Any] = {
    "type": "object",
    "required": ["items", "more", "source", "aggregate", "as_of"],
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["group"],
                "properties": {
                    "group": {"type": "object", "additionalProperties": True},
                    "count": {"type": "integer", "minimum": 0},
                    "sum": _NUMBERS,
                    "avg": _NUMBERS,
                    "min": _ENDS,
                    "max": _ENDS,
                },
            },
        },
        "more": {"type": "boolean", "description": "Whether the limit left groups out."},
        "source": {"enum": ["declared", "computed"]},
        "aggregate": {"type": ["string", "null"], "description": "The declared one."},
        "as_of": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "Computed: now. Declared: the newest change that these groups have "
            "counted; a change is counted about a second after it.",
        },
    },
}
PLAN: dict[str, Any] = {
    "type": "object",
    "description": "How groups would be answered, where `explain` asks for that.",
    "required": ["source", "aggregate", "rejected", "suggestion"],
    "properties": {
        "source": {"enum": ["declared", "computed"]},
        "aggregate": {"type": ["string", "null"], "description": "The declared one."},
        "rejected": {"type": "array", "items": {"type": "object"}},
        "residual": {"type": ["string", "null"], "description": "What is evaluated for a group."},
        "suggestion": {"type": ["string", "null"], "description": "The lines to declare."},
    },
}
ANSWER: dict[str, Any] = {
    "anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Groups", "GroupsPlan")]
}
SCHEMAS = {"Aggregate": AGGREGATE, "Groups": GROUPS, "GroupsPlan": PLAN}


def declare(routes: Routes) -> None:
    """Add the aggregates."""

    @routes.post(
        "/records/{collection}/aggregate",
        key=("read",),
        summary="Count and sum records by group",
        body="Aggregate",
        answer=ANSWER,
        problems=(400, 404, 413, 415, 422),
    )
    def aggregate_records(request: Request, collection: str) -> Response:
        """Answered from a declared aggregate where one matches and the caller may see all that
        it counts, else by counting within the read budget; else `aggregate_required` with the
        lines to declare.
        """
        rule = {"method": request.method, "ip": request.ip}
        answer = services().counter.aggregate(
            request.principal, collection, request.json(), request=rule
        )
        return Response(answer)
