"""The options of a field type: how each is written, read and shown in the JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from covey.fields.fault import FieldFault
from covey.fields.numeric import canonical_number


class OptionFault(ValueError):
    """An option that is not as it must be; the message goes on from the option's name."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `read` gives the canonical value of what was written or raises OptionFault."""

    description: str
    schema: Mapping[str, Any]
    read: Callable[[Any], Any]
    required: bool = False


def whole(description: str, low: int, high: int) -> Option:
    """An integer from `low` to `high`."""

    def read(value: Any) -> int:
        try:
            exact = canonical_number(value)
        except FieldFault:
            raise OptionFault("must be an integer") from None
        if not isinstance(exact, int):
            raise OptionFault("must be an integer")
        if not low <= exact <= high:
            raise OptionFault(f"must be from {low} to {high}")
        return exact

    return Option(description, {"type": "integer", "minimum": low, "maximum": high}, read)


def number(description: str, *, integral: bool = False) -> Option:
    """A number that a field can hold."""

    def read(value: Any) -> int | Decimal:
        try:
            exact = canonical_number(value)
        except FieldFault as fault:
            raise OptionFault(fault.message) from None
        if integral and not isinstance(exact, int):
            raise OptionFault("must be an integer")
        return exact

    return Option(description, {"type": "integer" if integral else "number"}, read)


def flag(description: str) -> Option:
    """True or false."""

    def read(value: Any) -> bool:
        if not isinstance(value, bool):
            raise OptionFault("must be true or false")
        return value

    return Option(description, {"type": "boolean"}, read)


def text(
    description: str,
    read: Callable[[str], str],
    schema: Mapping[str, Any],
    *,
    required: bool = False,
) -> Option:
    """A text that `read` checks and may rewrite."""

    def checked(value: Any) -> str:
        if not isinstance(value, str):
            raise OptionFault("must be text")
        return read(value)

    return Option(description, {"type": "string", **schema}, checked, required)


def one_of(description: str, values: Sequence[str]) -> Option:
    """One of a few words."""

    def read(value: str) -> str:
        if value not in values:
            raise OptionFault(f"must be one of {', '.join(values)}")
        return value

    return text(description, read, {"enum": list(values)})
