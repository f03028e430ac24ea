"""Python values ↔ DynamoDB's attribute values as JSON carries them.

Strict on the way in: what could not be read back equal is refused. Bytes travel as base64
text, as on the wire. A number comes back as int when it is whole, else as Decimal.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import b2a_base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from covey.errors import Invalid

MAX_DIGITS = 38
MAX_NESTING = 30  # DynamoDB takes 32 levels; the record's own map and the leaf are two of them

AttributeValue = dict[str, Any]
Item = dict[str, AttributeValue]


def encode(value: Any, nesting: int = 0) -> AttributeValue:
    """The attribute value of None, bool, int, Decimal, str, bytes, list or mapping.

    Raises Invalid ``number_out_of_range`` and ``too_deep``, ValueError for text with lone
    surrogates, TypeError for any other type, float among them.
    """
    if isinstance(value, str):
        value.encode()
        return {"S": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, Decimal)):
        return {"N": number_text(value)}
    if isinstance(value, bytes):
        return binary(value)
    if nesting == MAX_NESTING:
        raise Invalid(f"Values nest at most {MAX_NESTING} deep.", code="too_deep")
    if isinstance(value, (list, tuple)):
        return {"L": [encode(item, nesting + 1) for item in value]}
    if isinstance(value, Mapping):
        return {"M": {_name(key): encode(item, nesting + 1) for key, item in value.items()}}
    raise TypeError(f"{type(value).__name__} cannot be stored")


def decode(value: AttributeValue) -> Any:
    """The Python value of an attribute value; ValueError for kinds that Covey never writes."""
    for kind, content in value.items():
        if kind == "S" or kind == "BOOL":
            return content
        if kind == "N":
            return number_of(content)
        if kind == "NULL":
            return None
        if kind == "M":
            return {key: decode(item) for key, item in content.items()}
        if kind == "L":
            return [decode(item) for item in content]
        if kind == "B":
            return b64decode(content)
    raise ValueError("not an attribute value that Covey writes")


def number_text(value: int | Decimal) -> str:
    """The decimal text of a number within DynamoDB's range and 38 digits; else Invalid."""
    if isinstance(value, int):
        if -(10**18) < value < 10**18:
            return str(int(value))
        if value.bit_length() > 430:  # before its text, whose making is quadratic
            raise _out_of_range()
        value = Decimal(value)
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise _out_of_range()
    text = "".join(map(str, digits)).lstrip("0")
    cut = text.rstrip("0")
    if not cut:
        return "0"
    exponent += len(text) - len(cut)
    if len(cut) > MAX_DIGITS or not -130 <= exponent + len(cut) - 1 <= 125:
        raise _out_of_range()
    return f"{'-' if sign else ''}{cut}E{exponent}" if exponent else f"{'-' * sign}{cut}"


def number_of(text: str) -> int | Decimal:
    """The number of DynamoDB's text, whose range bounds the work; -0 is 0."""
    try:
        return int(text)
    except ValueError:
        number = Decimal(text)
    if number.is_finite() and number.adjusted() <= 125 and number == number.to_integral_value():
        return int(number)
    return number


def binary(value: bytes) -> AttributeValue:
    """The attribute value of bytes."""
    return {"B": b2a_base64(value, newline=False).decode("ascii")}


def _name(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError("a map's keys are text")
    key.encode()
    return key


def _out_of_range() -> Invalid:
    return Invalid(
        "Numbers have at most 38 digits and lie between 1e-130 and 1e126.",
        code="number_out_of_range",
    )
