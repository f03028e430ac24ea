"""Names of tables and columns made into names of collections and fields."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection

from covey.collections.naming import RESERVED_FIELDS

LONGEST = 63
_OTHER = re.compile(r"[^a-z0-9]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def collection_name(table: str, taken: Collection[str]) -> str:
    """A collection's name that is not `taken`; `users` is Covey's own and becomes ``users_``."""
    name = _legal(table, "t")
    return _free(f"{name}_" if name == "users" else name, taken)


def field_name(column: str, taken: Collection[str]) -> str:
    """A field's name that is not `taken`; names that mean something else get a ``_``."""
    name = _legal(column, "f")
    return _free(f"{name}_" if name in RESERVED_FIELDS else name, taken)


def relation_name(column: str, taken: Collection[str]) -> str:
    """As `field_name`, for a column that refers to a row: ``author_id`` becomes ``author``."""
    short = re.sub(r"(?i)(?<=[a-z0-9])_?id$", "", column) if _names_an_id(column) else column
    name = _legal(short, "f")
    if name in taken or name in RESERVED_FIELDS:
        return field_name(column, taken)
    return name


def _names_an_id(column: str) -> bool:
    return re.fullmatch(r".*[A-Za-z0-9](_id|_ID|Id)", column) is not None


def _legal(name: str, prefix: str) -> str:
    """ASCII in small letters, words joined by ``_``, from a letter on, within the length."""
    plain = unicodedata.normalize("NFKD", _HUMP.sub("_", name).casefold())
    ascii_only = plain.encode("ascii", "ignore").decode()
    text = _OTHER.sub("_", ascii_only).strip("_")
    if not text:  # of letters that have no ASCII: told apart by what they were
        text = hashlib.sha256(name.encode()).hexdigest()[:8]
    if not text[0].isalpha():
        text = f"{prefix}_{text}"
    return _cut(text, name)


def _cut(text: str, name: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _free(name: str, taken: Collection[str]) -> str:
    if len(name) <= LONGEST and name not in taken:
        return name
    number = 2
    while True:
        ending = f"_{number}"
        numbered = name[: LONGEST - len(ending)].rstrip("_") + ending
        if numbered not in taken:
            return numbered
        number += 1
