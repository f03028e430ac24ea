"""Members that may not be there: ``auth.?team``, ``x.orValue(y)``."""

from __future__ import annotations

from typing import Any

import pytest

from covey.expressions import ExpressionError, Reach, Type, bind, check, parse
from covey.expressions.render import render
from tests.layers.core.expressions.trees import Values

TYPES = {"team": Type.TEXT, "views": Type.INTEGER, "meta": Type.MAP, "auth": Type.MAP}
MAPS: dict[str, Any] = {"m": {"a": 1, "t": "x"}, "auth": None, "n": {"a": None}}

OUTCOMES = {
    "m.?a": 1,
    "m.?b": None,
    "m.?a.orValue(2)": 1,
    "m.?b.orValue(2)": 2,
    "n.?a.orValue(2)": 2,
    "auth.?team": None,
    "auth.?team == null": True,
    "auth.?team.orValue('none') == 'none'": True,
    "absent.?a": None,
    "m.?t.orValue('').startsWith('x')": True,
    "(m.?b == null) ? 1 : 2": 1,
    "m.?a + 1": 2,
    "[m].exists(x, x.?a == 1)": True,
    "m.?t.size()": 1,
    "true ? m.a : 0": 1,
}


@pytest.mark.parametrize(("text", "value"), OUTCOMES.items())
def test_what_is_not_there_is_null(text: str, value: Any) -> None:
    expression = parse(text)
    assert expression.evaluate(Values(MAPS)) == value
    assert bind(expression, MAPS).evaluate(Values({"absent": None})) == value
    assert parse(render(expression.root)) == expression


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("team.?owner == 'x'", "not optional"),
        ("views.?a == 1", "views is integer and has no members"),
        ("nothing.?a == 1", "There is no nothing"),
        ("views.orValue('x') == 1", "This is text, and integer is needed"),
        ("'a'.?b == 1", "Only names have members"),
        ("meta.?a.b == 1", "Only names have members"),
        ("meta.? == 1", "a name after '.'"),
        ("has(meta.?a)", "has() takes a name"),
        ("meta.?a.orValue() == 1", "takes 1 argument"),
    ],
)
def test_what_is_no_optional_member_is_refused(text: str, why: str) -> None:
    reach = Reach({"team": "teams"}, lambda _: None)
    with pytest.raises(ExpressionError) as refused:
        check(parse(text), TYPES, Type.BOOL, reach)
    assert why in str(refused.value)


def test_it_is_of_the_type_of_what_it_may_be() -> None:
    check(parse("auth.?team.orValue('') == team"), TYPES, Type.BOOL)
    check(parse("views.orValue(0) > 1"), TYPES, Type.BOOL)
    with pytest.raises(ExpressionError, match="do not compare"):
        check(parse("views.orValue(0) == 'x'"), TYPES, Type.BOOL)
