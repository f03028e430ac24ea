"""Keys of rows ↔ ids of records: readable where they can be, reversible always.

An id is of ``A-Z a-z 0-9 _ . : -`` and begins with a letter or digit (`covey.fields.relation`). A
key's values are taken as text; letters, digits, ``_`` and ``-`` of ASCII stay, every other byte of
their UTF-8 becomes ``.hh``; the values of a composite key are joined by ``:``. What would not begin
with a letter or digit, or would name an operation, begins with ``0.``, which no byte follows::

    42 → 42      (7, "a b") → 7:a.20b      -5 → 0.-5      "" → 0.      "import" → 0..69mport
"""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST = 128
_RESERVED = frozenset(("aggregate", "export", "import", "search"))
_ESCAPED = re.compile(r"\.([0-9a-f]{2})")
_PREFIX = "0."
_KEPT = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def id_of(values: Sequence[str]) -> str:
    """The id of a key; raises ValueError where it would be longer than an id can be."""
    text = ":".join(_escape(value) for value in values)
    if text in _RESERVED:
        text = f"{_PREFIX}.{ord(text[0]):02x}{text[1:]}"
    elif not text or not text[0].isalnum():
        text = _PREFIX + text
    if len(text) > LONGEST:
        raise ValueError(f"its key makes an id of {len(text)} characters; {LONGEST} are taken")
    return text


def values_of(record_id: str) -> list[str]:
    """The key that an id was made of: ``values_of(id_of(key)) == key``."""
    text = record_id
    if text.startswith(_PREFIX) and not _ESCAPED.match(text, 1):
        text = text.removeprefix(_PREFIX)
    return [_unescape(part) for part in text.split(":")]


def is_plain(text: str) -> bool:
    """Whether a text is its own id."""
    return id_of([text]) == text


def _escape(value: str) -> str:
    return "".join(chr(b) if b in _KEPT else f".{b:02x}" for b in value.encode())


def _unescape(part: str) -> str:
    raw = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), part)
    return raw.encode("latin-1").decode()
