"""Physical names of fields: short, given once, never given again."""

from __future__ import annotations

from collections.abc import Mapping

from covey.collections.model import Collection, Field
from covey.fields import REGISTRY

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def field_keys(
    fields: Mapping[str, tuple[Field, str]], previous: Collection | None
) -> tuple[dict[str, str], int]:
    """The key of each field, and the number of the next new one.

    `fields` has each with the name it `was`. A field keeps the key it had under its name, else
    under its former name, as long as what is stored there is good as its type; else it gets a
    key that nothing was ever stored under.
    """
    before = previous.fields if previous else {}
    number = previous.next_key if previous else 0
    keys: dict[str, str] = {}
    for name, (field, was) in fields.items():
        origin = before.get(name) or (before.get(was) if was not in fields else None)
        if origin is not None and holds(field, origin) and origin.key not in keys.values():
            keys[name] = origin.key
        else:
            keys[name] = key_of(number)
            number += 1
    return keys, number


def holds(field: Field, origin: Field) -> bool:
    """Whether values stored for `origin` are values of `field`'s type."""
    if field.list != origin.list:
        return False
    return field.type == origin.type or origin.type in REGISTRY[field.type].keeps


def key_of(number: int) -> str:
    """``0``, ``1``, … ``z``, ``10``, …: short, as each record carries its keys."""
    text = ""
    while True:
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
        if not number:
            return text
