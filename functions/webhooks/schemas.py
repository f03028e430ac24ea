"""What /webhooks takes and answers."""

from __future__ import annotations

from typing import Any

from covey.records.time import rfc3339
from covey.webhooks import signing
from covey.webhooks.document import KINDS
from covey.webhooks.model import Attempt, Delivery, Endpoint, Status

TEXT = {"type": "string"}
TIME = {"type": "string", "format": "date-time"}
STATUS = {"enum": [str(status) for status in Status]}
_ASKED: dict[str, Any] = {
    "url": {"type": "string", "format": "uri"},
    "collections": {"type": "array", "items": TEXT},
    "kinds": {"type": "array", "items": {"enum": list(KINDS)}},
    "filter": {**TEXT, "description": "an expression over the record and `old`"},
    "description": TEXT,
    "headers": {
        "type": "object",
        "description": "Sent with each request; kept sealed and not shown again.",
        "additionalProperties": {"type": ["string", "null"]},
    },
    "enabled": {"type": "boolean"},
}
_SHOWN: dict[str, Any] = {
    "id": TEXT,
    **{name: schema for name, schema in _ASKED.items() if name != "headers"},
    "headers": {"type": "array", "items": TEXT, "description": "their names"},
    "disabled": {
        "enum": ["gone", "failing", None],
        "description": "why Covey itself disabled it",
    },
    "fault": {
        "type": ["string", "null"],
        "description": "why its filter does not fit a collection any more; it is told of nothing",
    },
    "previous_secret_until": {**TIME, "type": ["string", "null"]},
    "created": TIME,
    "updated": TIME,
}
_WEBHOOK = {"type": "object", "required": list(_SHOWN), "properties": _SHOWN}
_SECRET = {**TEXT, "description": "to verify signatures with; shown once"}
_ATTEMPT = {
    "type": "object",
    "required": ["at", "ms", "url", "status", "error", "headers", "body", "cut"],
    "properties": {
        "at": TIME,
        "ms": {"type": "integer"},
        "url": TEXT,
        "status": {"type": ["integer", "null"]},
        "error": {"type": ["string", "null"]},
        "headers": {"type": "object", "additionalProperties": TEXT},
        "body": {**TEXT, "description": "at most 1,000 characters"},
        "cut": {"type": ["string", "null"], "description": "why the body is not whole"},
    },
}
_BRIEF: dict[str, Any] = {
    "id": TEXT,
    "message": {**TEXT, "description": "the `webhook-id`"},
    "type": TEXT,
    "subject": {"type": ["string", "null"]},
    "status": STATUS,
    "created": TIME,
    "due": {**TIME, "type": ["string", "null"], "description": "the next attempt"},
    "attempts": {"type": "integer"},
    "last": {"oneOf": [{"$ref": "#/components/schemas/WebhookAttempt"}, {"type": "null"}]},
}
_BETWEEN = {"since": TIME, "until": TIME, "status": {"enum": ["failed", "delivered", "all"]}}


def _object(properties: dict[str, Any], *required: str, closed: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "object",
        "required": list(required),
        "properties": properties,
    }
    return {**made, "additionalProperties": False} if closed else made


def _list(name: str, **more: Any) -> dict[str, Any]:
    items = {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}
    return _object({"items": items, **more}, "items", *more)


SCHEMAS: dict[str, Any] = {
    "MakeWebhook": _object(_ASKED, "url", "collections", closed=True),
    "ChangeWebhook": _object(_ASKED, closed=True),
    "Webhook": _WEBHOOK,
    "WebhookMade": _object({**_SHOWN, "secret": _SECRET}, *_SHOWN, "secret"),
    "Webhooks": _list("Webhook"),
    "RotateWebhookSecret": _object(
        {"overlap_hours": {"type": "integer", "minimum": 0, "maximum": 168, "default": 24}},
        closed=True,
    ),
    "WebhookAttempt": _ATTEMPT,
    "WebhookDelivery": _object(_BRIEF, *_BRIEF),
    "WebhookDeliveries": _list("WebhookDelivery", next={"type": ["string", "null"]}),
    "WebhookDeliveryWhole": _object(
        {
            **_BRIEF,
            "payload": {**TEXT, "description": "the body, to the byte"},
            "log": {
                "type": "array",
                "description": "the first attempt and the newest",
                "items": {"$ref": "#/components/schemas/WebhookAttempt"},
            },
        },
        *_BRIEF,
        "payload",
        "log",
    ),
    "ReplayWebhook": _object(_BETWEEN, closed=True),
    "WebhookReplay": _object({"job": {**TEXT, "description": "its progress: /jobs/{id}"}}, "job"),
}


def shown(endpoint: Endpoint, fault: str) -> dict[str, Any]:
    """An endpoint, without its secrets."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "collections": list(endpoint.collections),
        "kinds": [str(kind) for kind in endpoint.kinds],
        "filter": endpoint.filter,
        "description": endpoint.description,
        "headers": sorted(endpoint.headers),
        "enabled": endpoint.enabled,
        "disabled": endpoint.disabled or None,
        "fault": fault or None,
        "previous_secret_until": _time(endpoint.previous_until),
        "created": _time(endpoint.created),
        "updated": _time(endpoint.updated),
    }


def brief(delivery: Delivery) -> dict[str, Any]:
    """A delivery in a list."""
    subject = f"{delivery.collection}/{delivery.record}" if delivery.collection else None
    last = delivery.attempts[-1] if delivery.attempts else None
    return {
        "id": delivery.id,
        "message": signing.message_id(delivery.id),
        "type": delivery.type,
        "subject": subject,
        "status": str(delivery.status),
        "created": _time(delivery.created),
        "due": _time(delivery.due),
        "attempts": delivery.made,
        "last": None if last is None else attempted(last),
    }


def whole(delivery: Delivery) -> dict[str, Any]:
    """A delivery with what is sent and all that is known of it."""
    log = [attempted(one) for one in delivery.attempts]
    return {**brief(delivery), "payload": delivery.payload, "log": log}


def attempted(attempt: Attempt) -> dict[str, Any]:
    """One attempt."""
    return {
        "at": _time(attempt.at),
        "ms": attempt.ms,
        "url": attempt.url,
        "status": attempt.status or None,
        "error": attempt.error or None,
        "headers": dict(attempt.headers),
        "body": attempt.body,
        "cut": attempt.cut or None,
    }


def _time(ms: int) -> str | None:
    return rfc3339(ms) if ms else None
