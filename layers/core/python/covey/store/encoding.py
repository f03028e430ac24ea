"""Values to bytes whose order is the order of the values: null < bool < number < text.

A component is prefix-free, so that tuples are the components joined and a tuple's order is
that of its first differing component; descending is every bit of the component inverted.

    null    02
    false   03, true 04
    number  05 negative, 06 zero, 07 positive; then the exponent and pairs of digits
    text    08, UTF-8 with 00 as 01 01 and 01 as 01 02, then 00

A number is ± 0.dd… × 10^exponent: one byte of exponent + 130, then the digits two by two, each
pair p as 2p+1, the last as 2p with zeros at the end cut (after SQLite 4's key encoding, "Data
Encoding" in its design notes); a negative number's bytes are inverted after its tag. No
component ends in a byte that its own successor, the last byte plus one, could complete, so
that ``after`` bounds ranges exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

NULL, FALSE, TRUE, NEGATIVE, ZERO, POSITIVE, TEXT = range(2, 9)
_END = 9
_KINDS = {bool: (FALSE, NEGATIVE), int: (NEGATIVE, TEXT), Decimal: (NEGATIVE, TEXT)}
_KINDS |= {str: (TEXT, _END)}
_INVERT = bytes(255 - byte for byte in range(256))
_LEAST, _MOST = -130, 125  # DynamoDB's exponents, of numbers written d.ddd × 10^exponent

Scalar = None | bool | int | Decimal | str


def encode(value: Any, descending: bool = False) -> bytes:
    """The bytes of one value.

    Raises ValueError for a number outside 1e-130 … 9.99e125 or not finite and for text with
    lone surrogates; TypeError for what is not null, bool, int, Decimal or text.
    """
    if value is None:
        raw = b"\x02"
    elif isinstance(value, bool):
        raw = b"\x04" if value else b"\x03"
    elif isinstance(value, str):
        raw = b"\x08" + _escape(value) + b"\x00"
    elif isinstance(value, (int, Decimal)):
        raw = _number(value)
    else:
        raise TypeError(f"no order is defined for {type(value).__name__}")
    return raw.translate(_INVERT) if descending else raw


def invert(raw: bytes) -> bytes:
    """Bytes in the opposite order."""
    return raw.translate(_INVERT)


def encode_tuple(values: Iterable[Any], directions: Iterable[bool]) -> bytes:
    """The values joined; `directions` tells for each whether it is descending."""
    return b"".join(map(encode, values, directions))


def starts(text: str, descending: bool = False) -> bytes:
    """What the encodings of all texts with this beginning begin with."""
    raw = b"\x08" + _escape(text)
    return raw.translate(_INVERT) if descending else raw


def kind_bounds(value: Scalar, descending: bool = False) -> tuple[bytes, bytes]:
    """The first bytes that hold all values of the kind of this one: from, and the end."""
    if value is None:
        low, end = NULL, FALSE
    else:
        low, end = _KINDS[bool if isinstance(value, bool) else _base(value)]
    if descending:
        low, end = 256 - end, 256 - low
    return bytes([low]), bytes([end])


def after(prefix: bytes) -> bytes:
    """The least bytes above everything that begins with `prefix`; ``ff`` for the empty one.

    No entry equals it, so it may stand as the upper end of an inclusive range.
    """
    cut = prefix.rstrip(b"\xff")
    return cut[:-1] + bytes([cut[-1] + 1]) if cut else b"\xff"


def before(position: bytes) -> bytes:
    """A bound below the entry `position` and above or at all that come before it.

    Holds because entries are prefix-free and none has ``ff`` twice after a component's end.
    """
    if position[-1] == 0:
        return position[:-1]
    return position[:-1] + bytes([position[-1] - 1]) + b"\xff"


def decode(data: bytes, directions: Sequence[bool]) -> tuple[list[Scalar], bytes]:
    """The values of a tuple, as many as `directions`, and the bytes that follow them."""
    values: list[Scalar] = []
    for descending in directions:
        raw = data.translate(_INVERT) if descending else data
        value, size = _decode_one(raw)
        values.append(value)
        data = data[size:]
    return values, data


def split(data: bytes, directions: Sequence[bool]) -> tuple[list[bytes], bytes]:
    """The components of a tuple, each as if it were ascending, and the bytes that follow them."""
    parts: list[bytes] = []
    for descending in directions:
        raw = data.translate(_INVERT) if descending else data
        size = _size(raw)
        parts.append(raw[:size])
        data = data[size:]
    return parts, data


def _base(value: Any) -> type:
    return str if isinstance(value, str) else int


def _escape(text: str) -> bytes:
    raw = text.encode()
    if b"\x01" in raw or b"\x00" in raw:
        raw = raw.replace(b"\x01", b"\x01\x02").replace(b"\x00", b"\x01\x01")
    return raw


def _number(value: int | Decimal) -> bytes:
    sign, digits, exponent = _parts(value)
    if not digits:
        return b"\x06"
    adjusted = exponent + len(digits) - 1
    if not _LEAST <= adjusted <= _MOST:
        raise ValueError("number out of range")
    if len(digits) % 2:
        digits += "0"
    pairs = bytearray(int(digits[at : at + 2]) * 2 + 1 for at in range(0, len(digits), 2))
    pairs[-1] -= 1
    raw = bytes([adjusted - _LEAST]) + pairs
    return b"\x05" + raw.translate(_INVERT) if sign else b"\x07" + raw


def _parts(value: int | Decimal) -> tuple[bool, str, int]:
    """Whether negative, the digits without zeros at either end, the exponent of the last."""
    if isinstance(value, int):
        # int's own text is refused beyond 4300 digits; far fewer are already out of range.
        if value.bit_length() > 430:
            raise ValueError("number out of range")
        sign, digits, exponent = value < 0, str(abs(value)), 0
    else:
        parts = value.as_tuple()
        if not isinstance(parts.exponent, int):
            raise ValueError("not a finite number")
        sign, digits, exponent = bool(parts.sign), "".join(map(str, parts.digits)), parts.exponent
    cut = digits.rstrip("0")
    return sign, cut.lstrip("0"), exponent + len(digits) - len(cut)


def _size(raw: bytes) -> int:
    """How many bytes the first component has."""
    tag = raw[0]
    if tag in (NULL, FALSE, TRUE, ZERO):
        return 1
    if tag == TEXT:
        return raw.index(0, 1) + 1
    if tag not in (NEGATIVE, POSITIVE):
        raise ValueError("not an encoded value")
    more = 0 if tag == NEGATIVE else 1  # what ends a pair that others follow, as it is stored
    end = 2
    while raw[end] % 2 == more:
        end += 1
    return end + 1


def _decode_one(raw: bytes) -> tuple[Scalar, int]:
    tag, size = raw[0], _size(raw)
    if tag in (NULL, FALSE, TRUE):
        return (None, False, True)[tag - NULL], size
    if tag == TEXT:
        body = raw[1 : size - 1].replace(b"\x01\x01", b"\x00").replace(b"\x01\x02", b"\x01")
        return body.decode(), size
    if tag == ZERO:
        return 0, size
    data = raw.translate(_INVERT) if tag == NEGATIVE else raw
    digits = "".join(f"{byte // 2:02d}" for byte in data[2:size])
    exponent = data[1] + _LEAST - len(digits) + 1
    number = Decimal(("-" if tag == NEGATIVE else "") + f"{digits}E{exponent}")
    return (int(number) if exponent >= 0 or number == number.to_integral() else number), size
