"""url: an absolute http or https address."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from covey.expressions import Type
from covey.fields.characters import check_characters
from covey.fields.fault import FieldFault, wrong_type
from covey.fields.field_type import FieldType

if TYPE_CHECKING:
    from covey.collections.model import Field

MAX_LENGTH = 2_048
# RFC 3986, 3: scheme, authority, the rest. No space, control character or one of "<>\^`{|}
# anywhere: browsers repair those, each in its own way, and then go somewhere else.
_URL = re.compile(r'([A-Za-z]+)://([^/?#]*)([^\x00-\x20\x7f-\xa0"<>\\^`{|}]*)', re.DOTALL)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:@\[\]%]+)(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[\w-]{1,63}")


def canonical_url(text: str) -> str:
    """The address with scheme and host in lower case. Raises ValueError."""
    whole = _URL.fullmatch(text)
    if whole is None or any(character.isspace() for character in text):
        raise ValueError("not an absolute address")
    scheme = whole[1].lower()
    if scheme not in ("http", "https"):
        raise ValueError("of another scheme")
    authority = _AUTHORITY.fullmatch(whole[2])
    if authority is None or not 0 < int(authority[2] or 80) < 65_536:
        raise ValueError("without a plain host and port")
    host = authority[1]
    _check_host(host)
    port = f":{authority[2]}" if authority[2] else ""
    return f"{scheme}://{_lower_ascii(host)}{port}{whole[3]}"


def _check_host(host: str) -> None:
    if host.startswith("["):
        ipaddress.IPv6Address(host[1:-1])
        return
    labels = host.removesuffix(".").split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("not a host")


def _lower_ascii(text: str) -> str:
    """Only ASCII: lower() of other letters may give more than one."""
    return "".join(c.lower() if c.isascii() else c for c in text)


class UrlType(FieldType):
    """A web address without user name and password."""

    name = "url"
    summary = "An http or https address of up to 2,048 characters; its host is kept in lower case."
    expression_type = Type.TEXT

    def validate(self, value: Any, field: Field) -> str:
        """The address with scheme and host in lower case."""
        if not isinstance(value, str):
            raise wrong_type("a web address as text")
        if len(value) > MAX_LENGTH:
            raise FieldFault("too_long", f"must have at most {MAX_LENGTH} characters")
        check_characters(value)
        try:
            return canonical_url(value)
        except ValueError:
            message = "must be an absolute http or https address, without user name and password"
            raise FieldFault("invalid_url", message) from None

    def json_schema(self, field: Field) -> dict[str, Any]:
        """A string of format iri: letters beyond ASCII are taken."""
        return {"type": "string", "format": "iri", "maxLength": MAX_LENGTH}
