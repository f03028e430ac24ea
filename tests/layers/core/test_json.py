"""The strict decoder: what it takes, what it refuses, where it points."""

import json as stdlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey import json, json_faults
from covey.errors import BadRequest, TooLarge

DEEP = 32


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param(b'{"a": 1}', {"a": 1}, id="object"),
        pytest.param(b" [1, 2] \n", [1, 2], id="space-around"),
        pytest.param(b"null", None, id="null"),
        pytest.param(b"-0", 0, id="minus-zero"),
        pytest.param(b"1.50", Decimal("1.50"), id="decimal-keeps-digits"),
        pytest.param(b"0.1", Decimal("0.1"), id="decimal-is-exact"),
        pytest.param(b"1e2", Decimal("1e2"), id="exponent-is-decimal"),
        pytest.param(b"9" * 38, int("9" * 38), id="38-digits"),
        pytest.param(b"1" + b"0" * 125, 10**125, id="largest-round-integer"),
        pytest.param(b"1e-130", Decimal("1e-130"), id="smallest"),
        pytest.param(b"9.99e125", Decimal("9.99e125"), id="largest"),
        pytest.param(b"0e999", Decimal(0), id="zero-with-any-exponent"),
        pytest.param(b"1." + b"0" * 60, Decimal(1), id="zeros-are-no-digits"),
        pytest.param(b'"\\ud83d\\ude00"', "😀", id="surrogate-pair"),
        pytest.param('"😀é"'.encode(), "😀é", id="raw-unicode"),
        pytest.param(b'"\\u0041\\n\\/"', "A\n/", id="escapes"),
        pytest.param(b'"\\\\ud800"', "\\ud800", id="an-escaped-backslash-is-no-surrogate"),
        pytest.param(nested(DEEP), stdlib.loads(nested(DEEP)), id="32-levels"),
        pytest.param(b'{"a":{"b":1},"c":{"b":2}}', {"a": {"b": 1}, "c": {"b": 2}}, id="same-key"),
    ],
)
def test_takes(text: bytes, value: object) -> None:
    decoded = json.decode(text)
    assert decoded == value
    assert type(decoded) is type(value)


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        pytest.param(b"", "syntax", "line 1, column 1", id="empty"),
        pytest.param(b"{", "syntax", "line 1, column 2", id="open"),
        pytest.param(b'{"a":1,}', "syntax", "line 1, column 8", id="comma-before-brace"),
        pytest.param(b"[1,]", "syntax", "line 1, column 4", id="comma-before-bracket"),
        pytest.param(b"[1 2]", "syntax", "line 1, column 4", id="no-comma"),
        pytest.param(b'{"a" 1}', "syntax", "line 1, column 6", id="no-colon"),
        pytest.param(b"{1:2}", "syntax", "line 1, column 2", id="number-as-key"),
        pytest.param(b"{'a':1}", "syntax", "line 1, column 2", id="single-quotes"),
        pytest.param(b"[}", "syntax", "line 1, column 2", id="crossed"),
        pytest.param(b"]", "syntax", "line 1, column 1", id="closing-first"),
        pytest.param(b",", "syntax", "line 1, column 1", id="comma-first"),
        pytest.param(b"01", "syntax", "line 1, column 1", id="leading-zero"),
        pytest.param(b"1.", "syntax", "line 1, column 1", id="no-fraction"),
        pytest.param(b".5", "syntax", "line 1, column 1", id="no-whole-part"),
        pytest.param(b"+1", "syntax", "line 1, column 1", id="plus"),
        pytest.param(b"0x10", "syntax", "line 1, column 2", id="hexadecimal"),
        pytest.param(b"tru", "syntax", "line 1, column 1", id="half-a-word"),
        pytest.param(b"[1] // x", "syntax", "line 1, column 5", id="comment"),
        pytest.param(b'"a\tb"', "syntax", "line 1, column 1", id="raw-tab-in-string"),
        pytest.param(b'"\\x"', "syntax", "line 1, column 1", id="unknown-escape"),
        pytest.param(b'"abc', "syntax", "line 1, column 1", id="open-string"),
        pytest.param("[1,\u00a02]".encode(), "syntax", "line 1, column 4", id="no-break-space"),
        pytest.param(b"1 2", "trailing_data", "line 1, column 3", id="two-values"),
        pytest.param(b"{}]", "trailing_data", "line 1, column 3", id="too-many-closings"),
        pytest.param(b'{\n "a": 1,\n "a": 2}', "duplicate_key", "line 3, column 2", id="twice"),
        pytest.param(b'{"a":1,"\\u0061":2}', "duplicate_key", "line 1, column 8", id="twice-esc"),
        pytest.param(b'{"a":"\\ud800"}', "lone_surrogate", "line 1, column 6", id="high-alone"),
        pytest.param(b'["\\udc00\\ud800"]', "lone_surrogate", "line 1, column 2", id="swapped"),
        pytest.param(b'{"\\udfff":1}', "lone_surrogate", "line 1, column 2", id="in-a-key"),
        pytest.param(b"[NaN]", "not_a_number", "line 1, column 2", id="nan"),
        pytest.param(b"[1, -Infinity]", "not_a_number", "line 1, column 5", id="infinity"),
        pytest.param(b"1" * 39, "number_out_of_range", "line 1, column 1", id="39-digits"),
        pytest.param(b"1." + b"1" * 38, "number_out_of_range", "line 1, column 1", id="39-dec"),
        pytest.param(b"1e126", "number_out_of_range", "line 1, column 1", id="too-large"),
        pytest.param(b"1e-131", "number_out_of_range", "line 1, column 1", id="too-small"),
        pytest.param(b"1e3000000", "number_out_of_range", "line 1, column 1", id="for-minutes"),
        pytest.param(b"1e" + b"9" * 99, "number_out_of_range", "line 1, column 1", id="exponent"),
        pytest.param(b"1" + b"0" * 126, "number_out_of_range", "line 1, column 1", id="round"),
        pytest.param(b"[" + b"1" * 9000 + b"]", "number_out_of_range", "column 2", id="digits"),
        pytest.param(nested(DEEP + 1), "too_deep", "line 1, column 33", id="33-levels"),
        pytest.param(nested(100_000), "too_deep", "line 1, column 33", id="very-deep"),
        pytest.param(b"[" * 100_000, "too_deep", "line 1, column 33", id="very-deep-and-open"),
        pytest.param(b'{"a":' * 99_000, "too_deep", "column 161", id="very-deep-objects"),
        pytest.param(b'{"a":"\xff"}', "invalid_utf8", "line 1, column 7", id="not-utf8"),
        pytest.param(b'"\xed\xa0\x80"', "invalid_utf8", "line 1, column 2", id="utf8-surrogate"),
        pytest.param(b'"\xc0\xaf"', "invalid_utf8", "line 1, column 2", id="overlong"),
        pytest.param(b"\xef\xbb\xbf{}", "byte_order_mark", "line 1, column 1", id="bom"),
        pytest.param('{"a":1}'.encode("utf-16"), "invalid_utf8", "column 1", id="utf-16"),
    ],
)
def test_refuses_and_says_where(text: bytes, code: str, where: str) -> None:
    with pytest.raises(BadRequest) as caught:
        json.decode(text)
    assert caught.value.code == "invalid_json"
    assert [fault.code for fault in caught.value.errors] == [code]
    assert where in caught.value.detail


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        (b"x]", "syntax"),
        (b'{"a":1,"a":2}]', "duplicate_key"),
        (b"NaN]", "not_a_number"),
        (b"1e999]", "number_out_of_range"),
        (b'"\\ud800"]', "lone_surrogate"),
        (nested(DEEP + 1) + b"]", "too_deep"),
        (nested(9_000) + b"]", "too_deep"),
    ],
)
def test_says_what_is_wrong_with_a_long_text_too(tail: bytes, code: str) -> None:
    with pytest.raises(BadRequest) as caught:
        json.decode(b"[" + b"1," * 200_000 + tail)
    assert caught.value.errors[0].code == code


def test_names_the_path_of_the_fault() -> None:
    with pytest.raises(BadRequest) as caught:
        json.decode(b'{"title": "x", "tags": ["a", {"n": 1e999}]}')
    assert caught.value.errors[0].field == "tags.1.n"


def test_more_than_a_megabyte_is_too_large() -> None:
    assert json.decode(b'"' + b"a" * (json.MAX_BYTES - 2) + b'"')
    with pytest.raises(TooLarge):
        json.decode(b'"' + b"a" * (json.MAX_BYTES - 1) + b'"')


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**38) + 1, 10**38 - 1)
    | st.decimals(-(10**9), 10**9, allow_nan=False, places=6)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(max_codepoint=0x2FF)), inner)
    ),
    max_leaves=20,
)


@given(plain)
def test_what_is_encoded_decodes_to_itself(value: object) -> None:
    assert json.decode(json.encode(value).encode()) == value


# Text near JSON, so that each side gets past its first character.
pieces = st.lists(
    st.sampled_from(
        ["{", "}", "[", "]", ",", ":", '"a"', '"b"', "1", "-", "1.5e3", "NaN", "true", "null", " ",
         '"\\ud800"', '"\\ud83d\\ude00"', '"', "\\", "01", "1e400", "Infinity", "\n", "é"]
    ),
    max_size=12,
)  # fmt: skip


@given(pieces)
def test_the_fast_scanner_and_the_slow_walk_agree(parts: list[str]) -> None:
    text = "".join(parts)
    slow = json_faults.find(text, json.MAX_DEPTH, json.number)
    try:
        json.decode(text.encode())
        fast = None
    except BadRequest as exc:
        fast = exc
    assert (fast is None) == (slow is None)


def test_decimals_are_written_digit_for_digit() -> None:
    assert json.encode({"a": Decimal("1.10"), "b": "é"}) == '{"a":1.10,"b":"é"}'


def test_nan_is_never_written() -> None:
    for value in (float("nan"), Decimal("NaN"), Decimal("Infinity")):
        with pytest.raises(ValueError, match=r"not JSON|Out of range"):
            json.encode(value)
