"""What text may hold."""

from __future__ import annotations

import re

from covey.fields.fault import FieldFault

_REFUSED = re.compile("[\x00\ud800-\udfff]")


def check_characters(value: str) -> None:
    """Raise FieldFault for NUL and for lone surrogates, which are no characters (RFC 3629, 3)."""
    found = _REFUSED.search(value)
    if found is not None:
        code = ord(found[0])
        raise FieldFault("invalid_character", f"must not hold the character U+{code:04X}")
