from __future__ import annotations

from typing import Any

import pytest

from infra.gateway.filters import passes

RECORD = {
    "eventName": "INSERT",
    "dynamodb": {"Keys": {"pk": {"S": "posts.0"}}, "n": 5, "flag": True, "none": None},
    "tags": ["a", "b"],
}
CASES: dict[str, tuple[Any, bool]] = {
    "no pattern": ({}, True),
    "equal": ({"eventName": ["INSERT"]}, True),
    "any of": ({"eventName": ["MODIFY", "INSERT"]}, True),
    "other": ({"eventName": ["REMOVE"]}, False),
    "nested prefix": ({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "posts."}]}}}}, True),
    "another prefix": ({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "users."}]}}}}, False),
    "suffix": ({"eventName": [{"suffix": "ERT"}]}, True),
    "ignoring case": ({"eventName": [{"equals-ignore-case": "insert"}]}, True),
    "anything but": ({"eventName": [{"anything-but": ["REMOVE"]}]}, True),
    "anything but this": ({"eventName": [{"anything-but": "INSERT"}]}, False),
    "anything but a prefix": ({"eventName": [{"anything-but": {"prefix": "IN"}}]}, False),
    "exists": ({"eventName": [{"exists": True}]}, True),
    "does not exist": ({"other": {"deep": [{"exists": False}]}}, True),
    "exists not": ({"eventName": [{"exists": False}]}, False),
    "numeric": ({"dynamodb": {"n": [{"numeric": [">", 0, "<=", 5]}]}}, True),
    "numeric beyond": ({"dynamodb": {"n": [{"numeric": [">", 5]}]}}, False),
    "null": ({"dynamodb": {"none": [None]}}, True),
    "a bool is no number": ({"dynamodb": {"flag": [1]}}, False),
    "all must hold": ({"eventName": ["INSERT"], "tags": ["z"]}, False),
    "a list matches by any": ({"tags": ["b"]}, True),
    "or": ({"$or": [{"eventName": ["REMOVE"]}, {"tags": ["a"]}]}, True),
    "neither": ({"$or": [{"eventName": ["REMOVE"]}, {"tags": ["z"]}]}, False),
    "unknown test": ({"eventName": [{"sounds-like": "x"}]}, False),
    "no list": ({"eventName": "INSERT"}, False),
}


@pytest.mark.parametrize("case", CASES)
def test_patterns(case: str) -> None:
    pattern, wanted = CASES[case]
    assert passes((pattern,), RECORD) is wanted
