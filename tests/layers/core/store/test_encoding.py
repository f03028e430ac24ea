from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from covey.store import encoding

numbers = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.integers(-1000, 1000),
    st.builds(
        lambda digits, shift: Decimal(digits).scaleb(shift),
        st.integers(-(10**6), 10**6),
        st.integers(-120, 118),
    ),
    st.builds(
        lambda sign, digits, exponent: Decimal(f"{sign}{digits}E{exponent - len(str(digits)) + 1}"),
        st.sampled_from(["", "-"]),
        st.integers(1, 10**38 - 1),
        st.integers(-130, 125),
    ),
)
texts = st.one_of(st.text(max_size=12), st.text("\0\x01\x02a\x7f\x80\uffff\U0010ffff", max_size=6))
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
directions = st.lists(st.booleans(), min_size=1, max_size=4)


def rank(value: Any) -> int:
    kinds = ((type(None), 0), (bool, 1), ((int, Decimal), 2), (str, 3))
    return next(number for kind, number in kinds if isinstance(value, kind))


def compare(one: Any, other: Any) -> int:
    if rank(one) != rank(other):
        return -1 if rank(one) < rank(other) else 1
    if one is None or one == other:
        return 0
    return -1 if one < other else 1


def compare_tuples(ones: list[Any], others: list[Any], descending: list[bool]) -> int:
    for one, other, down in zip(ones, others, descending, strict=True):
        result = compare(one, other)
        if result:
            return -result if down else result
    return 0


def sign(one: bytes, other: bytes) -> int:
    return (one > other) - (one < other)


@given(scalars, scalars, st.booleans())
def test_order_of_bytes_is_the_order_of_values(one: Any, other: Any, down: bool) -> None:
    expected = compare(one, other)
    encoded = sign(encoding.encode(one, down), encoding.encode(other, down))
    assert encoded == (-expected if down else expected)


@given(st.data(), directions)
def test_order_of_tuples_is_that_of_their_first_difference(
    data: st.DataObject, descending: list[bool]
) -> None:
    tuples = st.lists(scalars, min_size=len(descending), max_size=len(descending))
    ones, others = data.draw(tuples), data.draw(tuples)
    encoded = sign(
        encoding.encode_tuple(ones, descending), encoding.encode_tuple(others, descending)
    )
    assert encoded == compare_tuples(ones, others, descending)


@given(st.data(), directions)
def test_what_is_encoded_is_decoded(data: st.DataObject, descending: list[bool]) -> None:
    values = data.draw(st.lists(scalars, min_size=len(descending), max_size=len(descending)))
    raw = encoding.encode_tuple(values, descending) + b"rest"
    decoded, rest = encoding.decode(raw, descending)
    assert rest == b"rest"
    assert decoded == values
    assert [rank(value) for value in decoded] == [rank(value) for value in values]
    assert all(isinstance(v, int) for v in decoded if rank(v) == 2 and v == int(v))


@given(scalars, scalars, st.booleans())
def test_no_encoding_begins_another(one: Any, other: Any, down: bool) -> None:
    assume(compare(one, other) != 0)
    assert not encoding.encode(one, down).startswith(encoding.encode(other, down))


@given(scalars, scalars, st.booleans(), st.binary(max_size=13))
def test_after_bounds_exactly_what_begins_alike(
    one: Any, other: Any, down: bool, tail: bytes
) -> None:
    entry = encoding.encode(other, down) + tail + b"i"
    prefix = encoding.encode(one, down)
    within = prefix <= entry <= encoding.after(prefix)
    assert within == entry.startswith(prefix)


@given(texts, texts, st.booleans())
def test_texts_with_a_beginning_lie_between_its_bounds(
    beginning: str, text: str, down: bool
) -> None:
    prefix = encoding.starts(beginning, down)
    entry = encoding.encode(text, down) + b"i"
    assert (prefix <= entry <= encoding.after(prefix)) == text.startswith(beginning)


@given(scalars, scalars, st.booleans())
def test_kind_bounds_hold_the_kind_and_nothing_else(one: Any, other: Any, down: bool) -> None:
    low, high = encoding.kind_bounds(one, down)
    assert (low <= encoding.encode(other, down) + b"i" < high) == (rank(one) == rank(other))


@given(scalars, scalars, st.booleans(), st.booleans())
def test_before_is_below_an_entry_and_not_below_its_predecessors(
    one: Any, other: Any, down: bool, text_id: bool
) -> None:
    end = encoding.encode("an id")[1:] if text_id else bytes(range(13))
    end = encoding.invert(end) if down else end
    here, there = (encoding.encode(value, down) + end for value in (one, other))
    bound = encoding.before(here)
    assert bound < here
    assert (there <= bound) == (there < here)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (Decimal("1e126"), ValueError),
        (Decimal("9.9e-131"), ValueError),
        (Decimal("1e3000000"), ValueError),
        (10**4000, ValueError),
        (Decimal("NaN"), ValueError),
        (Decimal("-Infinity"), ValueError),
        ("\ud800", ValueError),
        (1.5, TypeError),
        (b"bytes", TypeError),
        ([], TypeError),
    ],
)
def test_what_has_no_place_in_the_order_is_refused(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        encoding.encode(value)


@pytest.mark.parametrize(
    ("value", "size"),
    [(None, 1), (True, 1), (0, 1), (7, 3), (-42, 3), (1_700_000_000_123, 9), ("", 2), ("abc", 5)],
)
def test_common_values_take_few_bytes(value: Any, size: int) -> None:
    assert len(encoding.encode(value)) == size
