"""Fields: what a value may be. One file per type.

    field_type.py   what every type is; registry.py lists them
    text.py number.py integer.py boolean.py datetime.py date.py choice.py email.py url.py
    json.py geo.py relation.py
    lists.py        `list: true` of any scalar
    option.py       constraints: how they are written, read, and shown in the JSON Schema
    numeric.py characters.py bounds.py size.py   what several types share
    pattern.py automaton.py   regular expressions in linear time
    shape.py        the JSON Schema of a json field
    defaults.py     literals, now, uuid, auth.<name>
    record.py       a whole body, every fault at once

The types are described in docs/reference/fields.md.
"""

from covey.fields.fault import FieldFault
from covey.fields.field_type import FieldType
from covey.fields.record import MAX_SIZE, expires_at, validate_record
from covey.fields.registry import REGISTRY, expression_type, validate_value, value_schema

__all__ = [
    "MAX_SIZE",
    "REGISTRY",
    "FieldFault",
    "FieldType",
    "expires_at",
    "expression_type",
    "validate_record",
    "validate_value",
    "value_schema",
]
