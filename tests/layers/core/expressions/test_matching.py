"""matches() finds patterns anywhere in a text, soon."""

from __future__ import annotations

import random
import time

import pytest

from covey.expressions import EvaluationError, parse
from covey.expressions.render import render
from tests.layers.core.expressions.trees import Values

MATCHES = {
    "a part": ("a.matches('b+')", "abbc", True),
    "no part": ("a.matches('b+d')", "abbc", False),
    "the whole": ("a.matches('^[a-c]+$')", "abbc", True),
    "not the whole": ("a.matches('^b+$')", "abbc", False),
    "an escape in raw text": (r"a.matches(r'^\d{3}$')", "123", True),
    "an escape in text": (r"a.matches('^\\d{3}$')", "12a", False),
    "as a function": ("matches(a, 'b')", "abc", True),
    "alternatives": ("a.matches('^(red|blue)$')", "blue", True),
    "beyond ASCII": ("a.matches('^ż.łw$')", "żółw", True),
}


@pytest.mark.parametrize("name", MATCHES)
def test_matches(name: str) -> None:
    text, value, expected = MATCHES[name]
    assert parse(text).evaluate(Values(a=value)) is expected
    assert parse(render(parse(text).root)) == parse(text)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|a)*b", "(a*)*b", "a*a*a*a*a*b", "(a|b)*a(a|b){30}c", "(.*)(.*)(.*)[^x]y"],
)
def test_no_pattern_takes_long(pattern: str) -> None:
    expression = parse(f"a.matches('{pattern}')")
    for text in ("a" * 4_096, "".join(random.Random(1).choices("ab", k=4_096))):
        start = time.thread_time()
        expression.holds(Values(a=text))
        assert time.thread_time() - start < 0.3


def test_long_text_and_no_text_deny() -> None:
    expression = parse("!a.matches('b')")
    assert expression.holds(Values(a="a" * 4_096))
    for value in ("a" * 4_097, None, 5, ["a"]):
        assert not expression.holds(Values(a=value))


def test_matching_every_item_is_paid_for() -> None:
    with pytest.raises(EvaluationError, match="steps"):
        parse("a.exists(x, x.matches('b'))").evaluate(Values(a=["a" * 4_000] * 20))
