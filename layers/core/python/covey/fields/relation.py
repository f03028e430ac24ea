"""relation: the id of a record of some collection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from covey.expressions import Type
from covey.fields import option
from covey.fields.fault import FieldFault, wrong_type
from covey.fields.field_type import FieldType
from covey.fields.option import Option

if TYPE_CHECKING:
    from covey.collections.model import Field

ID = "[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}"  # what every record id looks like
COLLECTION = "[a-z][a-z0-9_]{0,62}"
_ID = re.compile(ID)
_COLLECTION = re.compile(COLLECTION)


def _collection(text: str) -> str:
    if not _COLLECTION.fullmatch(text):
        raise option.OptionFault("must be the name of a collection")
    return text


class RelationType(FieldType):
    """An id; that its record exists is checked when a record is written, by the service."""

    name = "relation"
    summary = "The id of a record of another collection, or of the same."
    expression_type = Type.TEXT
    options: ClassVar[Mapping[str, Option]] = {
        "to": option.text(
            "The collection of the record.",
            _collection,
            {"pattern": f"^{COLLECTION}$"},
            required=True,
        ),
        "on_delete": option.one_of(
            "What deleting that record does: refuse, delete this one too, or clear the field. Each"
            " new reference is then two more writes.",
            ("restrict", "cascade", "clear"),
        ),
        "check": option.flag(
            "Whether the record must exist when its id is written; true unless said otherwise."
        ),
    }

    def validate(self, value: Any, field: Field) -> str:
        """The id itself."""
        if not isinstance(value, str):
            raise wrong_type("the id of a record as text")
        if not _ID.fullmatch(value):
            raise FieldFault("invalid_id", "must be the id of a record")
        return str(value)

    def json_schema(self, field: Field) -> dict[str, Any]:
        """A string with the shape of an id."""
        return {
            "type": "string",
            "pattern": f"^{ID}$",
            "description": f"The id of a record of {field.options['to']}.",
        }
