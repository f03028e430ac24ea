from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer
from hypothesis import given
from hypothesis import strategies as st

from covey.errors import Invalid
from covey.store import codec

numbers = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.decimals(
        allow_nan=False, allow_infinity=False, places=8, min_value=-(10**20), max_value=10**20
    ),
    st.builds(lambda d, e: Decimal(d).scaleb(e), st.integers(1, 999), st.integers(-130, 123)),
)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values)
def test_what_goes_in_comes_out(value: Any) -> None:
    assert codec.decode(codec.encode(value)) == value


@given(numbers)
def test_numbers_are_those_of_the_ordinary_client(number: int | Decimal) -> None:
    text = codec.number_text(number)
    assert TypeDeserializer().deserialize({"N": text}) == number
    found = codec.number_of(text)
    assert found == number
    assert isinstance(found, int) == (number == int(number))


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (Decimal("-0.00"), "0"), (Decimal("1.50"), "15E-1"), (-7, "-7"), (10**20, "1E20")],
)
def test_a_number_has_one_text(number: int | Decimal, text: str) -> None:
    assert codec.number_text(number) == text


@pytest.mark.parametrize("text", ["1E125", "1" + "0" * 125, "100.0", "-0"])
def test_whole_numbers_come_back_as_int(text: str) -> None:
    assert type(codec.number_of(text)) is int


def test_a_number_beyond_the_range_is_never_expanded() -> None:
    assert codec.number_of("1E3000000") == Decimal("1E3000000")


@pytest.mark.parametrize(
    "number",
    [10**38 + 1, 10**126, 10**4000, Decimal("1e-131"), Decimal("sNaN"), Decimal("Infinity")],
    ids=range(6),
)
def test_a_number_that_could_not_be_read_back_is_refused(number: int | Decimal) -> None:
    with pytest.raises(Invalid) as refused:
        codec.encode(number)
    assert refused.value.code == "number_out_of_range"


@pytest.mark.parametrize("value", [1.5, {1: 2}, {1, 2}, datetime.now(UTC), object()])
def test_other_types_are_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        codec.encode(value)


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}, ["\ud800"]])
def test_lone_surrogates_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="surrogate"):
        codec.encode(value)


@pytest.mark.parametrize("value", [{}, {"SS": ["a"]}, {"Q": 1}])
def test_kinds_that_covey_never_writes_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="not an attribute value"):
        codec.decode(value)
