"""The name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_LENGTH = 64  # names end at 63: a longer one is not worth the comparison


def did_you_mean(written: object, known: Iterable[str]) -> str:
    """`` - did you mean 'title'?`` for the nearest known name, or nothing."""
    if not isinstance(written, str) or len(written) > MAX_LENGTH:
        return ""
    near = difflib.get_close_matches(written.lower(), list(known), 1)
    return f" - did you mean {near[0]!r}?" if near else ""
