"""How large a value is where it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_NUMBER = 21  # the most that 38 digits take
_CONTAINER = 3


def stored_size(value: Any) -> int:
    """Bytes of a canonical value, never fewer than DynamoDB counts.

    After "DynamoDB item sizes and formats" in the Developer Guide: text by its UTF-8, numbers
    at most 21, null and bool 1, lists and maps 3 and one for each part, with names by UTF-8.
    """
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode())
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int | Decimal):
        return _NUMBER
    if isinstance(value, Mapping):
        parts = sum(stored_size(name) + stored_size(part) + 1 for name, part in value.items())
        return _CONTAINER + parts
    return _CONTAINER + sum(stored_size(part) + 1 for part in value)
