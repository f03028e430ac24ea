"""Operations as an OpenAPI 3.1 document: the part that no data decides.

`make openapi` writes it to functions/docs/openapi.json from the app's routes; the docs function
adds the collections of the catalog when it answers. A file, because functions never import each
other: at run time the docs function knows the others only by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from covey.http.operation import Operation, Parameter, Schema
from covey.http.problem import MEDIA_TYPE
from covey.version import VERSION

_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_REASONS = {
    200: "Done.",
    201: "Created.",
    202: "Taken; the rest follows.",
    304: "Not modified.",
    400: "The request cannot be understood.",
    401: "Not signed in, or the credential does not hold.",
    403: "Not allowed.",
    404: "Not there, or not to be seen.",
    409: "It exists, a value is taken, or it changed meanwhile.",
    412: "A precondition did not hold.",
    413: "Too large.",
    415: "The body is of another type.",
    422: "The body breaks a rule of the data.",
    429: "Too many requests.",
    500: "A failure of ours.",
    501: "This deployment cannot.",
    503: "A dependency is away; try again.",
}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "Problem details (RFC 9457). `code` is stable: docs/reference/errors.md.",
    "required": ["type", "title", "status", "code", "detail", "request_id", "errors"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}


def describe(
    operations: Iterable[Operation], schemas: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The document of these operations, in order of path and method."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in sorted(operations, key=lambda one: (one.path, one.method)):
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Covey",
            "version": VERSION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {"Problem": PROBLEM, **{name: schemas[name] for name in sorted(schemas)}},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{operation.tag}.{operation.name}",
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": _responses(operation),
    }
    if operation.description:
        described["description"] = operation.description
    if operation.public:
        described["security"] = []
    if operation.key:
        described["x-key-scopes"] = list(operation.key)
    if operation.body is not None:
        content = {media: {"schema": _schema(operation.body)} for media in operation.consumes}
        described["requestBody"] = {"required": not operation.bodiless, "content": content}
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_PARAMETER.findall(operation.path)
    ]
    query = [_parameter(one, "query") for one in operation.query]
    headers = [_parameter(one, "header") for one in operation.headers]
    return [*path, *query, *headers]


def _parameter(parameter: Parameter, where: str) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": where,
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }


def _responses(operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "Done."}
    if operation.answer is not None:
        answer["content"] = {operation.produces: {"schema": _schema(operation.answer)}}
    responses = {str(operation.status): answer}
    problems = {*operation.problems, *(() if operation.public else (401,))}
    for status in sorted(problems):
        described: dict[str, Any] = {"description": _REASONS[status]}
        if status < 300:
            described |= {name: part for name, part in answer.items() if name == "content"}
        elif status >= 400:
            reference = {"$ref": "#/components/schemas/Problem"}
            described["content"] = {MEDIA_TYPE: {"schema": reference}}
        responses[str(status)] = described
    fallback = {"$ref": "#/components/schemas/Problem"}
    responses["default"] = {
        "description": "Any other failure.",
        "content": {MEDIA_TYPE: {"schema": fallback}},
    }
    return responses


def _schema(schema: Schema) -> dict[str, Any]:
    if isinstance(schema, str):
        return {"$ref": f"#/components/schemas/{schema}"}
    return dict(schema)
