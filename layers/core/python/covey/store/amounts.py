"""Exact sums in DynamoDB's own numbers, added without being read.

A number has 38 digits, so a sum of 1e38 and 0.1 has no place in one. It is kept as whole numbers
of 24 digits each, its limbs: limb 7 counts ones, limb 8 units of 1e24, limb 6 units of 1e-24.
Limbs are signed and are added one by one; they hold 1e14 values of any size before one is full.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

DIGITS = 24
ONES = 7  # 7 * 24 digits behind the point: the last of a number near 1e-130 is at 1e-167
_BASE: int = 10**DIGITS

Number = int | Decimal


def limbs(value: Number) -> dict[int, int]:
    """The limbs of a number that differ from zero."""
    if isinstance(value, int) and -_BASE < value < _BASE:
        return {ONES: value} if value else {}
    sign, digits, exponent = Decimal(value).as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("not a finite number")
    units = int("".join(map(str, digits))) * 10 ** (exponent + ONES * DIGITS)
    return {at: -limb if sign else limb for at, limb in _split(units)}


def _split(units: int) -> Iterator[tuple[int, int]]:
    at = 0
    while units:
        units, limb = divmod(units, _BASE)
        if limb:
            yield at, limb
        at += 1


def amount(parts: Mapping[int, int]) -> Number:
    """The number that limbs are of, exactly; an int where it is whole."""
    units = sum(limb * _BASE**at for at, limb in parts.items())
    text = str(abs(units))
    digits = text.rstrip("0")
    exponent = len(text) - len(digits) - ONES * DIGITS
    if not digits:
        return 0
    if exponent >= 0:
        return int(units // _BASE**ONES)
    return Decimal((int(units < 0), tuple(map(int, digits)), exponent))
