"""JSON in and out: one strict decoder for every body, one exact encoder for every answer.

The decoder takes RFC 8259 in UTF-8 and refuses what `json.loads` lets pass: duplicate keys,
lone surrogates, NaN and Infinity, numbers that DynamoDB cannot keep exactly (38 digits, from
1E-130 to 9.99E+125), more than 32 levels, a byte order mark, anything after the value. The C
scanner of the standard library does the work; only when it stumbles, or when the text looks
suspicious, does `covey.json_faults` walk it once more to say what is wrong and where.
"""

from __future__ import annotations

import json
import re
from decimal import Context, Decimal, DecimalException, Inexact, Overflow, Subnormal
from decimal import InvalidOperation as NotANumber
from typing import Any

import simplejson

from covey import json_faults
from covey.errors import BadRequest, TooLarge

MAX_BYTES = 1_048_576
MAX_DEPTH = 32
_MAX_DIGITS = 38
_MAX_LITERAL = 512  # characters of one number; longer ones cannot be exact and in range in earnest
_EXACT = Context(
    prec=_MAX_DIGITS, Emin=-130, Emax=125, traps=[Inexact, Overflow, Subnormal, NotANumber]
)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ENCODER = simplejson.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), use_decimal=True, allow_nan=False
)


def encode(value: Any) -> str:
    """Compact JSON with every Decimal digit for digit; raises ValueError for NaN."""
    return _ENCODER.encode(value)


def decode(body: bytes) -> Any:
    """The value of a JSON text: whole numbers as int, others as Decimal.

    Raises BadRequest (code ``invalid_json``, with line and column) or TooLarge.
    """
    if len(body) > MAX_BYTES:
        raise TooLarge(f"A JSON body has at most {MAX_BYTES} bytes.")
    text = _text(body)
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError, DecimalException) as exc:
        raise json_faults.explain(text, MAX_DEPTH, number) from exc
    if _deeper_than(value, MAX_DEPTH) or _SURROGATE.search(text):
        fault = json_faults.find(text, MAX_DEPTH, number)
        if fault is not None:
            raise fault
    return value


def number(literal: str) -> int | Decimal:
    """The exact value of a JSON number; raises ValueError where DynamoDB could not keep it."""
    if len(literal) > _MAX_LITERAL:
        raise ValueError("a number of too many digits")
    try:
        exact = _EXACT.create_decimal(literal)
    except DecimalException as exc:
        raise ValueError("a number of more than 38 digits or out of range") from exc
    if literal.lstrip("-").isdigit():
        return int(literal)
    return exact or Decimal(0)


def _integer(literal: str) -> int:
    return int(literal) if len(literal) <= _MAX_DIGITS else int(number(literal))


def _refuse(literal: str) -> Any:
    raise ValueError(f"{literal} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=number, parse_int=_integer, parse_constant=_refuse
)


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
