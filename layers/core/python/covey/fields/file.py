"""file: the id of a stored file that belongs to the record."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from covey.expressions import Type
from covey.fields import option
from covey.fields.fault import FieldFault, wrong_type
from covey.fields.field_type import FieldType
from covey.fields.option import Option, OptionFault
from covey.files.media import is_pattern
from covey.files.model import MOST, is_id

if TYPE_CHECKING:
    from covey.collections.model import Field

DEFAULT_SIZE = 10_485_760
MAX_TYPES = 50
MAX_THUMBS = 10
MAX_SIDE = 2_000
_THUMB = re.compile(r"([1-9][0-9]{0,3})x([1-9][0-9]{0,3})(c?)")
_PATTERN = r"^[a-z0-9.+-]+/([a-z0-9.+-]+|\*)$"


def sides(thumb: str) -> tuple[int, int, bool]:
    """Width, height and whether to crop, of a thumbnail as it is written; raises ValueError."""
    found = _THUMB.fullmatch(thumb)
    if found is None or max(int(found[1]), int(found[2])) > MAX_SIDE:
        raise ValueError(thumb)
    return int(found[1]), int(found[2]), bool(found[3])


def _type(text: str) -> None:
    if not is_pattern(text):
        raise OptionFault("must hold media types such as image/png, or image/*")


def _thumb(text: str) -> None:
    try:
        sides(text)
    except ValueError:
        raise OptionFault(f"must hold sizes up to {MAX_SIDE} such as 200x200, or 80x80c") from None


def _texts(description: str, most: int, pattern: str, check: Callable[[str], None]) -> Option:
    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not 1 <= len(value) <= most:
            raise OptionFault(f"must be a list of 1 to {most} texts")
        for item in value:
            if not isinstance(item, str):
                raise OptionFault("must hold only texts")
            check(item)
        if len(set(value)) < len(value):
            raise OptionFault("must not name one twice")
        return tuple(value)

    items = {"type": "string", "pattern": pattern}
    schema = {
        "type": "array",
        "items": items,
        "minItems": 1,
        "maxItems": most,
        "uniqueItems": True,
    }
    return Option(description, schema, read)


class FileType(FieldType):
    """The id of a file; whose it is and whether it is ready is looked up when it is written."""

    name = "file"
    summary = "A file that belongs to the record, by its id."
    expression_type = Type.TEXT
    defaults = False
    options: ClassVar[Mapping[str, Option]] = {
        "types": _texts(
            "Media types of files: image/png, or image/*; any unless given.",
            MAX_TYPES,
            _PATTERN,
            _type,
        ),
        "max_size": option.whole("The most bytes of a file; 10 MB unless given.", 1, MOST),
        "thumbs": _texts(
            "Sizes of thumbnails of pictures: 200x200 fits within, 80x80c fills and crops.",
            MAX_THUMBS,
            "^[1-9][0-9]{0,3}x[1-9][0-9]{0,3}c?$",
            _thumb,
        ),
        "public": option.flag(
            "Whether anybody who has its address may have the file, whatever the rules say."
        ),
    }

    def validate(self, value: Any, field: Field) -> str:
        """The id itself."""
        if not isinstance(value, str):
            raise wrong_type("the id of a file as text")
        if not is_id(value):
            raise FieldFault("invalid_id", "must be the id of a file")
        return str(value)

    def json_schema(self, field: Field) -> dict[str, Any]:
        """A string with the shape of an id."""
        return {
            "type": "string",
            "pattern": "^[a-v0-9]{26}$",
            "description": "The id of a file that POST /files reserved for this field.",
        }
