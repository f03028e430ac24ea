"""What the documentation says of parameters, bodies and answers."""

from __future__ import annotations

from typing import Any

from covey.http import Parameter

_TIME = {"type": "string", "format": "date-time"}
FLAG = {"type": "boolean", "default": False}

SHOW = (
    Parameter("fields", "Names of the fields to answer, separated by commas; all when absent."),
    Parameter(
        "expand",
        "Relations whose records to answer with these, in `expand`: `author.team`, three levels "
        "deep, or `comments_via_post` for the records that point here.",
    ),
)
LIST = (
    Parameter("filter", "An expression over the record's fields, such as `views > 10`."),
    Parameter("sort", "Field names separated by commas, `-` for descending; newest first."),
    Parameter(
        "limit", "How many.", {"type": "integer", "minimum": 1, "maximum": 200, "default": 30}
    ),
    Parameter("cursor", "The `next` or `prev` of a page with the same filter and sort."),
    *SHOW,
    Parameter(
        "count",
        "Answer how many there are on all pages, too: `exact` within the read budget, or "
        "`estimated`.",
        {"enum": ["exact", "estimated"]},
    ),
    Parameter("explain", "Answer the plan instead of records.", FLAG),
)
ON_CONFLICT = Parameter(
    "on_conflict",
    "Fields that are unique together, separated by commas: a record with the body's values of them "
    "is changed (200), by the body as a merge patch.",
)
IF_MATCH = Parameter("If-Match", 'Only if the record is at this version, such as `"3"`; else 412.')
IF_NONE_MATCH = Parameter("If-None-Match", "With a GET: 304 when it is at this version.")
UNLESS_THERE = Parameter("If-None-Match", "`*`: only if there is no such record; else 412.")

RECORD: dict[str, Any] = {
    "type": "object",
    "required": ["id", "created", "updated", "version"],
    "properties": {
        "id": {"type": "string"},
        "created": _TIME,
        "updated": _TIME,
        "version": {"type": "integer", "minimum": 1},
    },
    "additionalProperties": True,
}
PAGE: dict[str, Any] = {
    "type": "object",
    "required": ["items", "next", "prev"],
    "properties": {
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Record"}},
        "next": {"type": ["string", "null"], "description": "null at the end."},
        "prev": {"type": ["string", "null"], "description": "null at the beginning."},
        "count": {"type": "integer", "minimum": 0, "description": "Where it was asked for."},
        "distances": {
            "type": "array",
            "items": {"type": "number"},
            "description": "How far each is in km, where the filter asks for what is near.",
        },
        "complete": {"type": "boolean", "description": "Whether these are the nearest."},
        "count_kind": {"enum": ["exact", "estimated", "at_least"]},
    },
}
VALUES: dict[str, Any] = {
    "type": "object",
    "description": "The fields of the collection by name.",
    "additionalProperties": True,
}
PATCH: dict[str, Any] = {
    "type": "object",
    "description": (
        "A merge patch (RFC 7396): null removes a value. A field may be given an operator that "
        'is applied atomically: `{"$inc": 1}`, `{"$append": […]}`, `{"$remove": […]}`.'
    ),
    "additionalProperties": True,
}
_NAMES = {"type": "array", "items": {"type": "string"}}
PLAN: dict[str, Any] = {
    "type": "object",
    "description": "How a list would be served, where `explain` asks for that.",
    "required": ["source", "suggestion"],
    "properties": {
        "source": {
            "type": ["string", "null"],
            "description": "An index, `creation order`, `id`, `unique […]` or `merge of n`; null "
            "where nothing serves it.",
        },
        "order": {"enum": ["forward", "backward", "merged", "distance"]},
        "equality": _NAMES,
        "range": {"type": ["string", "null"]},
        "covering": {"type": "boolean"},
        "bounded": {"type": "boolean"},
        "residual": {**_NAMES, "description": "What is evaluated for each record."},
        "shards": {"type": "integer", "minimum": 1},
        "estimated_read_units": {"type": "number", "minimum": 0},
        "maximal_read_units": {"type": "number", "minimum": 0},
        "rejected": {"type": "array", "items": {"type": "object"}},
        "suggestion": {"type": ["string", "null"]},
        "branches": {"type": "array", "items": {"type": "object"}},
    },
}
LISTED_ANSWER: dict[str, Any] = {
    "anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Page", "Plan")]
}
SCHEMAS = {"Record": RECORD, "Page": PAGE, "Plan": PLAN, "Values": VALUES, "Patch": PATCH}
