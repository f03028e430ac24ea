"""email: an address that a browser's form would take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from covey.expressions import Type
from covey.fields.fault import FieldFault, wrong_type
from covey.fields.field_type import FieldType

if TYPE_CHECKING:
    from covey.collections.model import Field

MAX_LENGTH = 254  # RFC 3696, erratum 1690
# HTML Standard, 4.10.5.1.5 "Email state": what is a valid e-mail address.
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
PATTERN = rf"^[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*$"
_ADDRESS = re.compile(PATTERN)


class EmailType(FieldType):
    """An e-mail address; the domain is kept in lower case, the part before @ as it is."""

    name = "email"
    summary = "An e-mail address of up to 254 characters; its domain is kept in lower case."
    expression_type = Type.TEXT

    def validate(self, value: Any, field: Field) -> str:
        """The address with its domain in lower case."""
        if not isinstance(value, str):
            raise wrong_type("an e-mail address as text")
        # Length first: what is short cannot keep the expression busy.
        if len(value) > MAX_LENGTH:
            raise FieldFault("too_long", f"must have at most {MAX_LENGTH} characters")
        if not _ADDRESS.fullmatch(value):
            raise FieldFault("invalid_email", "must be an e-mail address")
        local, _, domain = value.rpartition("@")
        return f"{local}@{domain.lower()}"

    def json_schema(self, field: Field) -> dict[str, Any]:
        """A string of format email."""
        return {"type": "string", "format": "email", "maxLength": MAX_LENGTH}
