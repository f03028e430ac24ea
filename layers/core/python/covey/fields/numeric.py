"""Numbers as they are kept: exact decimals within DynamoDB's range.

38 significant digits, magnitudes from 1E-130 to 9.99…E+125 (Amazon DynamoDB Developer Guide,
"Data types": Number).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from covey.fields.fault import FieldFault, wrong_type

DIGITS = 38
LOWEST, HIGHEST = -130, 125  # exponents of the first digit
_MAX_BITS = 419  # 10^126 has as many: longer ints are refused before they cost anything


def canonical_number(value: Any) -> int | Decimal:
    """The one form of a number: an int where it is whole and has at most 38 digits.

    Floats are taken by the shortest decimal that stands for them. Raises FieldFault for what
    is no number, not finite, out of range, or has more digits than are kept: nothing is rounded.
    """
    if type(value) is int and -(10**15) < value < 10**15:
        return value
    return _canonical(_decimal(value))


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise wrong_type("a number")
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise FieldFault("out_of_range", "must be less than 1E+126")
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite():
        raise FieldFault("out_of_range", "must be a finite number")
    return exact


def _canonical(value: Decimal) -> int | Decimal:
    if not value:
        return 0
    if not LOWEST <= value.adjusted() <= HIGHEST:
        raise FieldFault("out_of_range", "must be from 1E-130 to 9.9E+125 in magnitude")
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - finite, for the type checker
    kept = len(digits)
    while digits[kept - 1] == 0:
        kept -= 1
    if kept > DIGITS:
        raise FieldFault("out_of_range", f"must have at most {DIGITS} digits")
    exponent += len(digits) - kept
    if exponent >= 0 and value.adjusted() < DIGITS:
        return int(value)
    return Decimal((sign, digits[:kept], exponent))
