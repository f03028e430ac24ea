"""How long a collection keeps what is past: ``true`` for ever, ``90d`` for so many days."""

from __future__ import annotations

import re

from covey.collections.model import Keep
from covey.collections.reader import Reader

MAX_DAYS = 3_650
PATTERN = "^[1-9][0-9]{0,3}d$"
_DAYS = re.compile(r"([1-9][0-9]{0,3})d")


def read_keep(reader: Reader, key: str) -> Keep | None:
    """What a document says of the key; None for ``false`` and where it is left out."""
    value = reader.values.get(key, False)
    if value is True:
        return Keep()
    if value is False or value is None:
        return None
    found = _DAYS.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[1]) > MAX_DAYS:
        reader.fault(key, f"must be true, false, or days such as 90d, at most {MAX_DAYS}d")
        return None
    return Keep(int(found[1]))


def dump_keep(keep: Keep | None) -> bool | str:
    """As it is written."""
    if keep is None:
        return False
    return True if keep.days is None else f"{keep.days}d"
