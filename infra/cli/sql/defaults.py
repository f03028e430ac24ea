"""What a column gets where nothing is given → the default of its field."""

from __future__ import annotations

import re
from typing import Any

import simplejson

_CAST = re.compile(r"""::[\w "]+(\(\d+(,\d+)?\))?(\[\])?$""")
_STRING = re.compile(r"'((?:[^']|'')*)'")
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
_NOW = re.compile(
    r"(?i)(now\(\)|current_timestamp(\(\d?\))?|localtimestamp|current_date|"
    r"transaction_timestamp\(\)|timezone\('utc', ?now\(\)\)|datetime\('now'\)|date\('now'\))"
)
_UUID = re.compile(r"(?i)(gen_random_uuid|uuid_generate_v4)\(\)")
_MEANT = re.compile(r"now|uuid|auth\.[a-z][a-z0-9_]*")  # a text that would be read as an expression
NOTHING = object()


def read(written: str, kind: str, *, many: bool = False) -> Any:
    """The default of a field of this type, or NOTHING where it cannot be said in Covey."""
    text = _bare(written)
    if _NOW.fullmatch(text):
        return "now" if kind in ("datetime", "date") and not many else NOTHING
    if _UUID.fullmatch(text):
        return "uuid" if kind == "text" and not many else NOTHING
    if many:
        return [] if text == "'{}'" or re.fullmatch(r"(?i)array\[\]", text) else NOTHING
    if quoted := _STRING.fullmatch(text):
        return _literal(quoted[1].replace("''", "'"), kind)
    return _plain(text, kind)


def _bare(written: str) -> str:
    """Without the parentheses and casts that PostgreSQL writes around."""
    text, before = written.strip(), None
    while text != before:
        before = text
        text = _CAST.sub("", text).strip()
        if text.startswith("(") and text.endswith(")") and text.count("(") == 1:
            text = text[1:-1].strip()
    return text


def _literal(text: str, kind: str) -> Any:
    if kind in ("text", "choice"):
        return NOTHING if kind == "text" and _MEANT.fullmatch(text) else text
    if kind == "json":
        try:
            return simplejson.loads(text, use_decimal=True)
        except ValueError:
            return NOTHING
    return _plain(text, kind)


def _plain(text: str, kind: str) -> Any:
    lowered = text.lower()
    if kind == "bool" and lowered in ("true", "false", "t", "f", "0", "1"):
        return lowered in ("true", "t", "1")
    if kind in ("integer", "number") and _NUMBER.fullmatch(text):
        number = simplejson.loads(text.lstrip("+"), use_decimal=True)
        return number if kind == "number" or isinstance(number, int) else NOTHING
    return NOTHING
