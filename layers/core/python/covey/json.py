"""JSON in and out: one strict decoder for every body, one exact encoder for every answer.

The decoder takes RFC 8259 in UTF-8 and refuses what `json.loads` lets pass: duplicate keys,
lone surrogates, NaN and Infinity, numbers that DynamoDB cannot keep exactly (38 digits, from
1E-130 to 9.99E+125), more than 32 levels, a byte order mark, anything after the value. The C
scanner of the standard library does the work; only when it stumbles does `covey.json_faults`
walk the text once more to say what is wrong and where.
"""

from __future__ import annotations

import json
import re
from decimal import Context, Decimal, DecimalException, Inexact, Overflow, Subnormal
from decimal import InvalidOperation as NotANumber
from typing import Any

import simplejson

from covey import json_faults
from covey.errors import TooLarge
from covey.json_faults import Refused

MAX_BYTES = 1_048_576
MAX_DEPTH = 32
_MAX_DIGITS = 38
_MAX_LITERAL = 512  # characters of one number; longer ones cannot be exact and in range in earnest
_EXACT = Context(
    prec=_MAX_DIGITS, Emin=-130, Emax=125, traps=[Inexact, Overflow, Subnormal, NotANumber]
)
_LONG_NUMBER = re.compile(r"[0-9]{39}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ENCODER = simplejson.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), use_decimal=True, allow_nan=False
)


def encode(value: Any) -> str:
    """Compact JSON with every Decimal digit for digit; raises ValueError for NaN."""
    return _ENCODER.encode(value)


def decode(body: bytes, most: int = MAX_BYTES) -> Any:
    """The value of a JSON text of at most so many bytes: whole numbers as int, others as Decimal.

    Raises BadRequest (code ``invalid_json``, with line and column) or TooLarge.
    """
    if len(body) > most:
        raise TooLarge(f"A JSON body has at most {most} bytes.")
    text = _text(body)
    # The scanner's own whole numbers are ten times as fast, and exact where none is long.
    decoder = _DECODER if _LONG_NUMBER.search(text) else _PLAIN_DECODER
    try:
        value = decoder.decode(text)
        _check(text, value)
    except Refused as exc:
        raise json_faults.explain(text, MAX_DEPTH, number, exc) from exc
    except json.JSONDecodeError as exc:
        known = Refused("syntax", "Unexpected text", exc.pos)
        raise json_faults.explain(text, MAX_DEPTH, number, known) from exc
    except RecursionError as exc:
        raise json_faults.explain(text, MAX_DEPTH, number, _too_deep()) from exc
    return value


def number(literal: str) -> int | Decimal:
    """The exact value of a JSON number; raises ValueError where DynamoDB could not keep it."""
    if len(literal) > _MAX_LITERAL:
        raise _out_of_range()
    try:
        exact = _EXACT.create_decimal(literal)
    except DecimalException as exc:
        raise _out_of_range() from exc
    if literal.lstrip("-").isdigit():
        return int(literal)
    return exact or Decimal(0)


def _too_deep() -> Refused:
    return Refused("too_deep", f"More than {MAX_DEPTH} levels")


def _out_of_range() -> Refused:
    message = "A number of more than 38 digits or outside 1E-130 to 9.99E+125"
    return Refused("number_out_of_range", message)


def _refuse(literal: str) -> Any:
    raise Refused("not_a_number", f"{literal} is not a JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Refused("duplicate_key", "A key given twice")
    return result


_PLAIN_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=number, parse_constant=_refuse
)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=number, parse_int=number, parse_constant=_refuse
)


def _check(text: str, value: Any) -> None:
    """Refuse what the scanner lets pass."""
    if _deeper_than(value, MAX_DEPTH):
        raise _too_deep()
    if _SURROGATE.search(text):
        try:
            encode(value).encode("utf-8")
        except UnicodeEncodeError as exc:
            raise Refused("lone_surrogate", "A lone surrogate in a string") from exc


def _text(body: bytes) -> str:
    if body.startswith(b"\xef\xbb\xbf"):
        raise json_faults.fault("", 0, "byte_order_mark", "A byte order mark is not allowed")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as exc:
        good = body[: exc.start].decode("utf-8")
        raise json_faults.fault(good, len(good), "invalid_utf8", "Not UTF-8") from exc


def _deeper_than(value: Any, limit: int) -> bool:
    """Whether containers nest deeper than `limit`; level by level, never by recursion."""
    level = [value]
    for _ in range(limit):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


__all__ = ["MAX_BYTES", "MAX_DEPTH", "decode", "encode", "number"]
