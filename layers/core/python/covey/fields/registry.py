"""Every field type by name. A new type is a file, its test, and a row here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from covey.expressions import Type
from covey.fields import lists
from covey.fields.boolean import BoolType
from covey.fields.choice import ChoiceType
from covey.fields.date import DateType
from covey.fields.datetime import DatetimeType
from covey.fields.email import EmailType
from covey.fields.field_type import FieldType
from covey.fields.file import FileType
from covey.fields.geo import GeoType
from covey.fields.integer import IntegerType
from covey.fields.json import JsonType
from covey.fields.number import NumberType
from covey.fields.relation import RelationType
from covey.fields.text import TextType
from covey.fields.url import UrlType

if TYPE_CHECKING:
    from covey.collections.model import Field

_TYPES: tuple[FieldType, ...] = (
    TextType(),
    IntegerType(),
    NumberType(),
    BoolType(),
    DatetimeType(),
    DateType(),
    ChoiceType(),
    EmailType(),
    UrlType(),
    JsonType(),
    GeoType(),
    RelationType(),
    FileType(),
)
REGISTRY: Mapping[str, FieldType] = MappingProxyType({kind.name: kind for kind in _TYPES})


def validate_value(value: Any, field: Field) -> Any:
    """The canonical form of a value that is not None, list or not; raises FieldFault."""
    kind = REGISTRY[field.type]
    if field.list:
        return lists.validate_list(value, field, kind.validate)
    return kind.validate(value, field)


def value_schema(field: Field) -> dict[str, Any]:
    """The JSON Schema of a field's value, list or not, for OpenAPI."""
    schema = REGISTRY[field.type].json_schema(field)
    if field.list:
        schema = lists.list_schema(schema, field)
    return schema | ({"description": field.description} if field.description else {})


def expression_type(field: Field) -> Type:
    """What the field is in a rule or a filter."""
    return Type.LIST if field.list else REGISTRY[field.type].expression_type
