"""What collections and fields may be called."""

from __future__ import annotations

import re
from typing import Any

from covey.records.model import SYSTEM_FIELDS

PATTERN = "^[a-z][a-z0-9_]{0,62}$"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
# What expressions mean something else by, or what CEL keeps for itself (language definition,
# "Syntax": RESERVED).
EXPRESSION_NAMES = frozenset(
    (
        *("auth", "old", "now", "request", "record", "uuid", "true", "false", "null", "in"),
        *("has", "size", "timestamp", "duration", "double"),
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let"),
        *("loop", "package", "namespace", "return", "var", "void", "while"),
    )
)
# Where an answer puts the records that relations name.
ANSWER_NAMES = frozenset({"expand"})
RESERVED_FIELDS = frozenset(SYSTEM_FIELDS) | EXPRESSION_NAMES | ANSWER_NAMES


def is_name(text: Any) -> bool:
    """Whether a text has the shape of a name."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def field_name_fault(name: Any) -> str:
    """Why a field cannot be called that, or nothing."""
    if not is_name(name):
        return "must be a name of a-z, 0-9 and _, of at most 63 characters, from a letter on"
    if name in SYSTEM_FIELDS:
        return "is a name that every record already has"
    if name in ANSWER_NAMES:
        return "is a name with a meaning in answers"
    return "is a name with a meaning in rules" if name in EXPRESSION_NAMES else ""
