"""Merge patch against RFC 7396's own definition and examples, and the operators."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.collections.model import Field
from covey.records.patch import OperatorError, merge, resolve, same

ABSENT = object()


def rfc7396(target: Any, patch: Any) -> Any:
    """MergePatch of RFC 7396, section 2, word for word."""
    if isinstance(patch, dict):
        if not isinstance(target, dict):
            target = {}
        for name, value in patch.items():
            if value is None:
                if name in target:
                    del target[name]
            else:
                target[name] = rfc7396(target.get(name), value)
        return target
    return patch


# RFC 7396, appendix A.
APPENDIX: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=1), inner),
    max_leaves=12,
)


@pytest.mark.parametrize(("target", "patch", "result"), APPENDIX)
def test_the_examples_of_the_standard(target: Any, patch: Any, result: Any) -> None:
    assert merge(target, patch) == result


@given(json_values, json_values)
def test_merging_is_what_the_standard_says_and_changes_no_argument(target: Any, patch: Any) -> None:
    kept = copy.deepcopy((target, patch))
    result = merge(target, patch)
    assert (target, patch) == kept
    assert result == rfc7396(copy.deepcopy(target), copy.deepcopy(patch))
    assert same(merge(result, patch), result) or _holds_null(patch)


def _holds_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_null, value.values()))
    return value is None


NUMBER = Field("n", "number", "0")
INTEGER = Field("n", "integer", "0")
TEXT = Field("n", "text", "0")
TAGS = Field("n", "text", "0", list=True)
NUMBERS = Field("n", "number", "0", list=True)
JSON = Field("n", "json", "0")

APPLIED: dict[str, tuple[Field, Any, Any, Any]] = {
    "add one": (INTEGER, 4, {"$inc": 1}, 5),
    "subtract": (INTEGER, 4, {"$inc": -6}, -2),
    "from nothing": (INTEGER, None, {"$inc": 3}, 3),
    "decimals are exact": (NUMBER, Decimal("0.1"), {"$inc": Decimal("0.2")}, Decimal("0.3")),
    "no digit is rounded": (
        NUMBER,
        Decimal("9" * 38),
        {"$inc": Decimal("1e-100")},
        Decimal("9" * 38 + "." + "0" * 99 + "1"),
    ),
    "append": (TAGS, ["a"], {"$append": ["b", "a"]}, ["a", "b", "a"]),
    "append to nothing": (TAGS, None, {"$append": ["b"]}, ["b"]),
    "append nothing": (TAGS, ["a"], {"$append": []}, ["a"]),
    "remove every one": (TAGS, ["a", "b", "a"], {"$remove": ["a"]}, ["b"]),
    "remove what is not there": (TAGS, ["a"], {"$remove": ["z"]}, ["a"]),
    "remove from nothing": (TAGS, None, {"$remove": ["z"]}, []),
    "numbers are removed by value": (NUMBERS, [1, 2], {"$remove": [Decimal("1.0")]}, [2]),
    "a bool is no number": (NUMBERS, [1, 2], {"$remove": [True]}, [1, 2]),
    "in json an operator is data": (JSON, {"a": 1}, {"$inc": 1}, {"a": 1, "$inc": 1}),
    "null removes": (INTEGER, 4, None, None),
}

REFUSED: dict[str, tuple[Field, Any, Any]] = {
    "increment of text": (TEXT, "a", {"$inc": 1}),
    "increment of a list": (NUMBERS, [1], {"$inc": 1}),
    "increment by text": (INTEGER, 1, {"$inc": "1"}),
    "increment by true": (INTEGER, 1, {"$inc": True}),
    "increment by null": (INTEGER, 1, {"$inc": None}),
    "append to a number": (INTEGER, 1, {"$append": [1]}),
    "append of no list": (TAGS, ["a"], {"$append": "b"}),
    "remove of an object": (TAGS, ["a"], {"$remove": {"a": 1}}),
    "two operators": (INTEGER, 1, {"$inc": 1, "$append": [1]}),
    "an operator and data": (INTEGER, 1, {"$inc": 1, "x": 1}),
    "an unknown operator": (INTEGER, 1, {"$mul": 2}),
}


@pytest.mark.parametrize("case", APPLIED.values(), ids=APPLIED.keys())
def test_an_operator_gives_the_new_value(case: tuple[Field, Any, Any, Any]) -> None:
    field, current, value, result = case
    assert same(resolve(field, current, value), result)


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_an_operator_that_cannot_be_applied_is_refused(case: tuple[Field, Any, Any]) -> None:
    with pytest.raises(OperatorError) as caught:
        resolve(*case)
    assert caught.value.error.field == "n"
    assert caught.value.error.code == "invalid_operator"


@given(st.integers(), st.integers(min_value=-(10**30), max_value=10**30))
def test_increments_add_up(start: int, step: int) -> None:
    assert resolve(INTEGER, resolve(INTEGER, start, {"$inc": step}), {"$inc": -step}) == start


@given(json_values, json_values)
def test_sameness_is_json_equality(left: Any, right: Any) -> None:
    import json

    def text(value: Any) -> str:
        return json.dumps(value, sort_keys=True)

    assert same(left, right) == (text(left) == text(right))
