"""The JSON Schema of a collection's document, made from the same tables that check it.

It says what has to do with one place of the document; what has to do with several (names of
fields in rules, in indexes, in claims) only `covey.collections.document.load` knows.
"""

from __future__ import annotations

from typing import Any

from covey.collections.aggregate_document import MAX_AGGREGATES
from covey.collections.aggregate_document import MAX_FIELDS as MAX_AGGREGATED
from covey.collections.document import IDS, MAX_FIELDS
from covey.collections.field_document import MAX_DESCRIPTION, known_keys, options_of
from covey.collections.index_document import MAX_GEO, MAX_INDEXES, MAX_PARTS, MAX_UNIQUE
from covey.collections.keep_document import PATTERN as PATTERN_DAYS
from covey.collections.naming import PATTERN, RESERVED_FIELDS
from covey.collections.rule_document import ACTIONS
from covey.collections.search_document import LANGUAGES, MAX_SEARCH, MAX_WEIGHT
from covey.collections.sharding import MAX_SHARDS
from covey.fields import REGISTRY, FieldType

Schema = dict[str, Any]

_KEPT = ("sum", "min", "max", "avg")
_NAME: Schema = {"type": "string", "pattern": PATTERN}
_RULE: Schema = {
    "type": ["string", "boolean", "null"],
    "maxLength": 2000,
    "description": "An expression that says who may; left out, administrators only.",
}
_COMMON: dict[str, Schema] = {
    "description": {"type": "string", "maxLength": MAX_DESCRIPTION},
    "required": {"type": "boolean", "description": "Whether a record must have a value."},
    "default": {
        "description": "The value where none is given: a literal, or now, uuid or auth.<field>."
    },
    "read": {**_RULE, "description": "Who sees the field; left out, whoever sees the record."},
    "write": {**_RULE, "description": "Who sets the field; left out, whoever writes the record."},
    "hidden": {
        "type": "boolean",
        "description": "Whether only administrators and functions see it.",
    },
    "unique": {"type": "boolean", "description": "Whether no two records may have the same value."},
    "list": {"type": "boolean", "description": "Whether the field holds a list of values."},
    "was": {
        "type": "string",
        "maxLength": 63,
        "description": "The name it had before: a rename keeps its values.",
    },
    "expires": {"type": "boolean", "description": "Whether the record ends at this time."},
}


def json_schema() -> Schema:
    """The schema, as docs/reference/collection.schema.json has it (JSON Schema 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Covey collection",
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "properties": _properties(),
        "$defs": {kind.name: _field(kind) for kind in REGISTRY.values()},
    }


def _properties() -> dict[str, Schema]:
    return {
        "name": {**_NAME, "description": "The name in paths: /records/{name}."},
        "description": {"type": "string", "maxLength": MAX_DESCRIPTION},
        "ids": {"enum": list(IDS), "description": "Made by Covey, or given by who creates."},
        "fields": {
            "type": ["object", "null"],
            "maxProperties": MAX_FIELDS,
            "propertyNames": {"pattern": PATTERN, "not": {"enum": sorted(RESERVED_FIELDS)}},
            "additionalProperties": _any_field(),
        },
        "rules": {
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": dict.fromkeys(ACTIONS, _RULE),
        },
        "indexes": _listing(_index(), MAX_INDEXES, "Orders to list by: [author, -created]."),
        "geo": _listing(_NAME, MAX_GEO, "Places to find records near: [place]."),
        "unique": _listing(_names(MAX_PARTS), MAX_UNIQUE, "Values that one record may have."),
        "search": _search(),
        "aggregates": {
            "type": ["object", "null"],
            "description": "Totals to keep, by group.",
            "maxProperties": MAX_AGGREGATES,
            "propertyNames": {"pattern": PATTERN},
            "additionalProperties": _aggregate(),
        },
        "history": _keep("How long past versions are kept: 90d, or true for ever."),
        "soft_delete": _keep("How long deleted records can be restored: 30d, or true for ever."),
        "tenant": {
            "type": ["string", "null"],
            "pattern": PATTERN,
            "description": "The field that says whose a record is: callers see their own alone.",
        },
        "shards": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": MAX_SHARDS,
            "description": "How many partitions new records spread over; left out, as before.",
        },
    }


def _any_field() -> Schema:
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": list(REGISTRY)}},
        "allOf": [
            {
                "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
                "then": {"$ref": f"#/$defs/{name}"},
            }
            for name in REGISTRY
        ],
    }


def _field(kind: FieldType) -> Schema:
    plain = _keys(kind, many=False)
    schema: Schema = {"description": kind.summary, "type": "object", "required": ["type"]}
    required = [name for name, option in kind.options.items() if option.required]
    schema["required"] += required
    if not kind.scalar:
        return {**schema, "additionalProperties": False, "properties": plain}
    many = {"properties": {"list": {"const": True}}, "required": ["list"]}
    return {
        **schema,
        "if": many,
        "then": {"additionalProperties": False, "properties": _keys(kind, many=True)},
        "else": {"additionalProperties": False, "properties": plain},
    }


def _keys(kind: FieldType, *, many: bool) -> dict[str, Schema]:
    options = options_of(kind, many)
    keys: dict[str, Schema] = {}
    for key in known_keys(kind, many):
        if key == "type":
            keys[key] = {"const": kind.name}
        elif key in options:
            keys[key] = {**options[key].schema, "description": options[key].description}
        else:
            keys[key] = _COMMON[key]
    return keys


def _listing(items: Schema, most: int, description: str) -> Schema:
    kinds = ["array", "null"]
    return {"type": kinds, "maxItems": most, "description": description, "items": items}


def _names(most: int, *, least: int = 1, signed: bool = False) -> Schema:
    pattern = PATTERN.replace("^", "^-?") if signed else PATTERN
    items = {"type": "string", "pattern": pattern}
    return {
        "type": "array",
        "minItems": least,
        "maxItems": most,
        "uniqueItems": True,
        "items": items,
    }


def _keep(description: str) -> Schema:
    days = {"type": "string", "pattern": PATTERN_DAYS}
    return {"description": description, "oneOf": [{"type": ["boolean", "null"]}, days]}


def _index() -> Schema:
    parts = _names(MAX_PARTS, signed=True)
    covering = {
        "type": "boolean",
        "description": "Whether it carries whole records; else writes cost less, lists more.",
    }
    return {
        "oneOf": [
            parts,
            {
                "type": "object",
                "required": ["fields"],
                "additionalProperties": False,
                "properties": {"fields": parts, "covering": covering},
            },
        ]
    }


def _search() -> Schema:
    weight = {"type": "integer", "minimum": 1, "maximum": MAX_WEIGHT}
    weighted = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": MAX_SEARCH,
        "propertyNames": {"pattern": PATTERN},
        "additionalProperties": weight,
    }
    names = _names(MAX_SEARCH)
    richer = {
        "type": "object",
        "required": ["fields"],
        "additionalProperties": False,
        "properties": {
            "fields": {"oneOf": [weighted, names]},
            "language": {"enum": list(LANGUAGES), "description": "Whose stems words have."},
        },
    }
    return {
        "description": "Text to find records by: [title, body], or with weights.",
        "oneOf": [{**_names(MAX_SEARCH, least=0), "type": ["array", "null"]}, richer],
    }


def _aggregate() -> Schema:
    names = {**_names(MAX_AGGREGATED, least=0), "type": ["array", "null"]}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "group": names,
            "count": {"type": "boolean"},
            **dict.fromkeys(_KEPT, names),
            "filter": {**_RULE, "description": "Which records count; left out, all."},
        },
        "anyOf": [
            {"required": ["count"], "properties": {"count": {"const": True}}},
            *(
                {"required": [key], "properties": {key: {"type": "array", "minItems": 1}}}
                for key in _KEPT
            ),
        ],
    }
