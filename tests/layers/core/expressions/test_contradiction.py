"""Expressions that can never hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from covey.expressions import Expression, Type, check, impossible, parse
from covey.expressions.nodes import Node
from tests.layers.core.expressions.trees import SCOPES, TREES, Values

NEVER = (
    "1 == 2",
    "a == 1 && a == 2",
    "a == 1 && b && a == 2",
    "a in [1, 2] && a == 3",
    "a in []",
    "a in [1, 2] && a in [3]",
    "a && !a",
    "!a.b && a.b",
    "a > 5 && a < 3",
    "a > 5 && 5 > a",
    "a >= 5 && a < 5",
    "a == 7 && a < 5",
    "a == 7 && a != 7",
    "a == null && a > 1",
    "auth == null && auth.id == a",
    "auth == null && has(auth.id)",
    "(a == 1 && a == 2) || (b && !b)",
    "a == 1 && (a == 2 || a == 3)",
    'record("t", a).b == 1 && record("t", a).b == 2',
    "true && 'x'.startsWith('y')",
    "1 / 0 == 1",
)
MAY = (
    "false",
    "a == 1 || a == 2",
    "a == 1 && b == 2",
    "a == 1 && a == 1.0",
    "a in [1, 2] && a in [2, 3]",
    "a >= 5 && a <= 5",
    "a > 5 && a > 6",
    "a != 1 && a != 2",
    "auth == null || auth.id == a",
    "auth != null && auth.id == a",
    "a == 1 && c == a",
    "tags.exists(a, a == 1) && a == 2",
    "a == 1 && (a == 2 || a == 1)",
    'record("t", a).b == 1 && record("t", c).b == 2',
    "a < 5 && a != 5",
)


@pytest.mark.parametrize("text", NEVER)
def test_what_can_never_hold_is_told(text: str) -> None:
    assert impossible(parse(text))


@pytest.mark.parametrize("text", MAY)
def test_what_may_hold_is_left_alone(text: str) -> None:
    assert impossible(parse(text)) is None


def test_what_is_known_is_put_in() -> None:
    assert impossible(parse("old.a == 1"), {"old": None})
    assert impossible(parse("old == null"), {"old": None}) is None


@given(TREES, SCOPES)
@settings(max_examples=500, deadline=None)
def test_nothing_that_holds_is_called_impossible(tree: Node, scope: dict[str, Any]) -> None:
    expression = Expression(tree)
    if expression.holds(Values(scope)):
        assert impossible(expression) is None


@pytest.mark.parametrize(
    "text", ["a / 2 > 0.1 && a == 1", "a == 1 && a / 2 == 0.5", "a == 1.0 && a / 2 == 0.5"]
)
def test_a_number_that_equals_an_integer_may_be_none(text: str) -> None:
    """A number field may hold 1 and 1.0 alike: both divide with fractions."""
    assert impossible(check(parse(text), {"a": Type.NUMBER}, Type.BOOL)) is None
