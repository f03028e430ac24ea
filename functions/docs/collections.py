"""One collection as paths and schemas: those of /records with its name and fields filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.collections.model import Collection, Field
from covey.fields import value_schema
from covey.identity.principal import Principal

_GENERIC = ("Record", "Page", "Values", "Patch")
_PREFIX = "#/components/schemas/"
_PLACE = "{collection}"


def is_known_to(principal: Principal, collection: Collection) -> bool:
    """Whether a caller may learn that this collection exists."""
    rules = collection.rules
    admits = (rules.read, rules.create, rules.update, rules.delete)
    return principal.is_administrator or any(rule is not None for rule in admits)


def schemas(principal: Principal, collection: Collection) -> dict[str, Any]:
    """The schemas of its records, pages, values and patches."""
    shown = [
        field
        for field in collection.fields.values()
        if field.read is None or principal.is_administrator
    ]
    fields = {field.name: _nullable(field) for field in shown}
    required = [field.name for field in shown if field.required and field.default is None]
    values: dict[str, Any] = {
        "type": "object",
        "properties": fields,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }
    name = collection.name
    record = {
        "allOf": [{"$ref": f"{_PREFIX}Record"}, {"type": "object", "properties": fields}],
        **({"description": collection.description} if collection.description else {}),
    }
    page = {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": f"{_PREFIX}{name}.Record"}},
            "next": {"type": ["string", "null"]},
        },
    }
    patch = {"$ref": f"{_PREFIX}Patch"}
    made = (record, page, values, patch)
    return {f"{name}.{kind}": schema for kind, schema in zip(_GENERIC, made, strict=True)}


def paths(collection: Collection, generic: Mapping[str, Any]) -> dict[str, Any]:
    """The generic paths of /records with this collection in place of the parameter."""
    return {
        path.replace(_PLACE, collection.name): {
            method: _filled(operation, collection.name) for method, operation in methods.items()
        }
        for path, methods in generic.items()
        if path.startswith(f"/records/{_PLACE}")
    }


def _filled(operation: Mapping[str, Any], name: str) -> dict[str, Any]:
    filled: dict[str, Any] = _with_references(operation, name)
    filled["operationId"] = f"{name}.{str(operation['operationId']).partition('.')[2]}"
    filled["tags"] = [name]
    filled["parameters"] = [one for one in filled["parameters"] if one["name"] != "collection"]
    return filled


def _with_references(part: Any, name: str) -> Any:
    if isinstance(part, list):
        return [_with_references(item, name) for item in part]
    if not isinstance(part, dict):
        return part
    reference = str(part.get("$ref", "")).removeprefix(_PREFIX)
    if reference in _GENERIC:
        return {"$ref": f"{_PREFIX}{name}.{reference}"}
    return {key: _with_references(value, name) for key, value in part.items()}


def _nullable(field: Field) -> dict[str, Any]:
    schema = value_schema(field)
    return schema if field.required else {"anyOf": [schema, {"type": "null"}]}
