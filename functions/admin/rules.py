"""/admin/rules: why rules decide as they do, for administrators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from covey.errors import BadRequest, FieldError, NotFound, Unauthenticated
from covey.http import Request, Routes
from covey.identity.administrators import administrators_only
from covey.identity.authorize import ACTIONS
from covey.identity.caller import signed_in
from covey.identity.principal import GUEST, Principal
from covey.records.permissions import Question
from covey.wiring import services

MAX_ROLES = 50
VALUES: dict[str, Any] = {"type": "object", "additionalProperties": True}
QUESTION: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["collection", "action", "principal"],
    "properties": {
        "collection": {"type": "string"},
        "action": {"enum": list(ACTIONS)},
        "id": {"type": "string", "description": "A record that is there."},
        "record": {
            **VALUES,
            "description": "Values as they would be; beside `id` or `before`, those to write.",
        },
        "before": {**VALUES, "description": "For an update, the values of a record thought of."},
        "principal": {
            "description": "A user, the guest, or a caller thought of.",
            "oneOf": [
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["user"],
                    "properties": {"user": {"type": "string"}},
                },
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["guest"],
                    "properties": {"guest": {"const": True}},
                },
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["roles"],
                    "properties": {
                        "id": {"type": "string"},
                        "roles": {"type": "array", "items": {"type": "string"}},
                        "values": {**VALUES, "description": "Their fields of `users`."},
                    },
                },
            ],
        },
        "request": {
            "type": "object",
            "additionalProperties": False,
            "description": "What rules read as `request`.",
            "properties": {"method": {"type": "string"}, "ip": {"type": "string"}},
        },
    },
}
WHY: dict[str, Any] = {
    "type": ["object", "null"],
    "description": "A clause: its `text`, its `value` or `error`; of `&& || ! ?:` the `clauses`, "
    "of others what they `reads`.",
    "additionalProperties": True,
}
TOLD: dict[str, Any] = {
    "type": "object",
    "required": ["text", "holds", "why"],
    "properties": {
        "text": {"type": ["string", "null"], "description": "null: administrators alone."},
        "holds": {"type": "boolean"},
        "why": WHY,
    },
}
EXPLAINED: dict[str, Any] = {
    "type": "object",
    "required": ["allowed", "refusal", "principal", "rules", "fields"],
    "properties": {
        "allowed": {"type": "boolean"},
        "refusal": {
            "type": ["object", "null"],
            "description": "What the caller would be answered.",
            "properties": {
                "status": {"type": "integer"},
                "code": {"type": "string"},
                "detail": {"type": "string"},
            },
        },
        "principal": {
            "type": "object",
            "properties": {
                "kind": {"type": "string"},
                "id": {"type": ["string", "null"]},
                "roles": {"type": "array", "items": {"type": "string"}},
            },
        },
        "rules": {
            "type": "array",
            "description": "Those that are asked, in their order; none of an administrator.",
            "items": {
                **TOLD,
                "required": ["rule", "on", *TOLD["required"]],
                "properties": {
                    "rule": {"enum": list(ACTIONS)},
                    "on": {"enum": ["record", "before", "after"]},
                    **TOLD["properties"],
                },
            },
        },
        "fields": {
            "type": "object",
            "description": "The fields that have rules of their own.",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "written": {"type": "boolean"},
                    "read": TOLD,
                    "write": TOLD,
                    "write_before": TOLD,
                },
            },
        },
    },
}
SCHEMAS = {"RuleQuestion": QUESTION, "RuleAnswer": EXPLAINED}


def declare(routes: Routes) -> None:
    """Add the explanation of rules."""

    @routes.post(
        "/admin/rules/explain",
        summary="Tell why a caller may or may not do something",
        body="RuleQuestion",
        answer="RuleAnswer",
        problems=(400, 403, 404, 413, 415, 422),
    )
    def explain_rules(request: Request) -> Any:
        """The decision on one record, each rule clause by clause with the values that it read."""
        administrators_only(request.principal)
        asked = request.json()
        return services().permissions.explain_rules(_principal(asked), _question(asked))


def _question(asked: Mapping[str, Any]) -> Question:
    unknown = asked.keys() - QUESTION["properties"].keys()
    if unknown:
        raise _fault(min(unknown)[:64], "is no part of a question")
    collection = _text(asked, "collection", required=True)
    if asked.get("action") not in ACTIONS:
        raise _fault("action", f"must be one of {', '.join(ACTIONS)}")
    return Question(
        collection=collection or "",
        action=asked["action"],
        id=_text(asked, "id"),
        record=_mapping(asked, "record"),
        before=_mapping(asked, "before"),
        request=_request(asked),
    )


def _request(asked: Mapping[str, Any]) -> dict[str, Any]:
    given = _mapping(asked, "request") or {}
    if given.keys() - {"method", "ip"} or not all(isinstance(v, str) for v in given.values()):
        raise _fault("request", "has method and ip, as text")
    return dict(given)


def _principal(asked: Mapping[str, Any]) -> Principal:
    given = _mapping(asked, "principal") or {}
    match given:
        case {"guest": True} if len(given) == 1:
            return GUEST
        case {"user": str(user)} if len(given) == 1:
            return _user(user)
        case {"roles": list(roles)} if not given.keys() - {"roles", "id", "values"}:
            return _imagined(given, roles)
    raise _fault("principal", 'must be {"user": id}, {"guest": true} or {"roles": […]}')


def _user(user: str) -> Principal:
    try:
        return services().user(user)
    except Unauthenticated as gone:
        raise NotFound("user") from gone


def _imagined(given: Mapping[str, Any], roles: list[Any]) -> Principal:
    if len(roles) > MAX_ROLES or not all(isinstance(role, str) for role in roles):
        raise _fault("principal.roles", f"must be up to {MAX_ROLES} texts")
    who = signed_in(_text(given, "id") or "imagined", "", tuple(roles))
    # Not empty: an empty one would be read from the records of `users`.
    values = {"id": who.id, **(_mapping(given, "values") or {})}
    return replace(who, values=values)


def _text(given: Mapping[str, Any], name: str, *, required: bool = False) -> str | None:
    value = given.get(name)
    if (value is None and not required) or (isinstance(value, str) and 0 < len(value) <= 1_000):
        return value
    raise _fault(name, "must be text")


def _mapping(given: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    value = given.get(name)
    if value is None or isinstance(value, dict):
        return value
    raise _fault(name, "must be an object")


def _fault(field: str, message: str) -> BadRequest:
    return BadRequest(
        f"{field} {message}.",
        code="invalid_question",
        errors=[FieldError(field, "invalid", message)],
    )
