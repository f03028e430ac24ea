"""The shared subset evaluates as a second independent implementation of CEL evaluates it.

`common-expression-language` is of another make than the one of `test_against_cel.py`, and fast
enough for thousands of expressions. What differs on purpose stays out: numbers are exact decimals
here, so fractions are halves and quarters and never meet integers; values of different types do
not compare here, so they are not brought together; size() of text counts bytes there, so it is
asked of ASCII alone; and all() ends there with the first error, where CEL's specification lets a
later item decide, so no item fails.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import cel
import pytest

from covey.expressions import Duration, EvaluationError, Timestamp, parse
from tests.layers.core.expressions.trees import Values

Generator = random.Random

EXPRESSIONS = 6_000
SEEDS = 6

NOON = 1_769_947_200_000  # 2026-02-01T12:00:00Z
SCOPES: list[dict[str, Any]] = [
    {
        "title": "Hello",
        "slug": "a-1",
        "open": True,
        "views": 7,
        "price": Decimal("2.5"),
        "tags": ["a", "b"],
        "marks": [1, 2, 3],
        "created": Timestamp(NOON),
        "spent": Duration(5_400_000),
        "auth": {"id": "u1", "roles": ["a", "editor"], "level": 3},
    },
    {
        "title": "",
        "slug": "żółw",
        "open": False,
        "views": 0,
        "price": Decimal("-0.25"),
        "tags": [],
        "marks": [],
        "created": Timestamp(NOON - 86_400_000),
        "spent": Duration(-1_000),
        "auth": {"id": "", "roles": [], "level": -2},
    },
    {
        "title": "a",
        "slug": "a",
        "open": True,
        "views": -3,
        "price": Decimal("100.75"),
        "tags": ["żółw", "a", "a"],
        "marks": [0, 7],
        "created": Timestamp(0),
        "spent": Duration(0),
        "auth": {"roles": ["Hello"]},
    },
]
LEAVES = {
    "text": ("title", "slug", "auth.id", '"a"', "''", '"żółw"', r"'\u00f3\n'", '"Hello"', 'r"a-1"'),
    "int": (
        "views",
        "0",
        "1",
        "7",
        "-3",
        "auth.level",
        "size(tags)",
        "marks.size()",
        "size(title)",
    ),
    "double": ("price", "0.5", "2.5", "-0.25", "100.75"),
    "bool": ("open", "true", "false"),
    "texts": ("tags", "auth.roles", '["a", "żółw"]', '["Hello"]'),
    "ints": ("marks", "[1, 2]", "[0]", "[7, -3]"),
    "time": ("created", 'timestamp("2026-02-01T12:00:00Z")', 'timestamp("1970-01-01T00:00:00Z")'),
    "span": (
        "spent",
        'duration("1h30m")',
        'duration("0s")',
        'duration("-1s")',
        'duration("250ms")',
    ),
}
PATTERNS = ("^a", "o$", "[a-c]-\\\\d", "^(He|a)", "l+", "^$", ".")


def a_bool(pick: Generator, depth: int) -> str:
    """A bool, most often of parts that fit."""
    if depth <= 0:
        return pick.choice(LEAVES["bool"])
    forms = (
        lambda: f"{a_bool(pick, depth - 1)} && {a_bool(pick, depth - 1)}",
        lambda: f"{a_bool(pick, depth - 1)} || {a_bool(pick, depth - 1)}",
        lambda: f"({a_bool(pick, depth - 1)} || {a_bool(pick, depth - 1)})",
        lambda: f"!({a_bool(pick, depth - 1)})",
        lambda: ordered(pick, depth),
        lambda: ordered(pick, depth),
        lambda: equal(pick, depth),
        lambda: f"({a(pick, 'text', 1)} in {a(pick, 'texts', 1)})",
        lambda: f"({a(pick, 'int', 1)} in {a(pick, 'ints', 1)})",
        lambda: called(pick),
        lambda: f"has(auth.{pick.choice(('id', 'absent', 'level'))})",
        lambda: quantified(pick, depth),
        lambda: f"({a_bool(pick, depth - 1)} ? {a_bool(pick, 1)} : {a_bool(pick, depth - 1)})",
        lambda: f"({pick.choice(('1 / 0 == 1', 'auth.absent', 'auth.absent == 1'))})",
        lambda: f"({a_bool(pick, depth - 1)} {pick.choice(('&&', '||'))} {a(pick, 'int', 0)} > 0)",
    )
    return pick.choice(forms)()


def ordered(pick: Generator, depth: int) -> str:
    kind = pick.choice(("text", "int", "double", "time", "span"))
    operator = pick.choice(("==", "!=", "<", "<=", ">", ">="))
    return f"({a(pick, kind, depth - 1)} {operator} {a(pick, kind, depth - 1)})"


def equal(pick: Generator, depth: int) -> str:
    kind = pick.choice(("texts", "ints", "bool"))
    return f"({a(pick, kind, depth - 1)} {pick.choice(('==', '!='))} {a(pick, kind, depth - 1)})"


def called(pick: Generator) -> str:
    if pick.random() < 0.3:
        return f'{pick.choice(("title", "slug", "auth.id"))}.matches("{pick.choice(PATTERNS)}")'
    method = pick.choice(("startsWith", "endsWith", "contains"))
    return f"{pick.choice(LEAVES['text'])}.{method}({a(pick, 'text', 1)})"


def quantified(pick: Generator, depth: int) -> str:
    quantifier = pick.choice(("exists", "all"))
    if pick.random() < 0.5:
        body = pick.choice(("x == 'a'", "x != title", "x in auth.roles", "x.startsWith('e')"))
        return f"{a(pick, 'texts', 1)}.{quantifier}(x, {body})"
    body = pick.choice(("x > 1", "x == views", "x * 2 > 3", f"x in {a(pick, 'ints', 0)}"))
    return f"{a(pick, 'ints', 1)}.{quantifier}(x, {body})"


def a(pick: Generator, kind: str, depth: int) -> str:
    """A part of a kind."""
    if kind == "bool":
        return f"({a_bool(pick, min(depth, 1))})"
    if depth <= 0 or pick.random() < 0.5:
        return pick.choice(LEAVES[kind])
    one = a(pick, kind, depth - 1)
    if kind in ("text", "texts", "ints"):
        return f"({one} + {a(pick, kind, depth - 1)})"
    if kind == "time":
        return f"({one} {pick.choice('+-')} {a(pick, 'span', depth - 1)})"
    if kind == "span":
        if pick.random() < 0.4:
            return f"({a(pick, 'time', 0)} - {a(pick, 'time', 0)})"
        return f"({one} {pick.choice('+-')} {a(pick, 'span', depth - 1)})"
    if pick.random() < 0.15:
        return f"(open ? {one} : {a(pick, kind, depth - 1)})"
    return f"({one} {pick.choice('+-*/%' if kind == 'int' else '+-*')} {a(pick, kind, depth - 1)})"


def ours(text: str, scope: dict[str, Any]) -> Any:
    try:
        return parse(text).evaluate(Values(scope))
    except EvaluationError:
        return "error"


def theirs(program: Any, scope: dict[str, Any]) -> Any:
    try:
        return program.execute({name: plain(value) for name, value in scope.items()})
    except (TypeError, ValueError, RuntimeError, OverflowError, KeyError, ZeroDivisionError):
        return "error"


def plain(value: Any) -> Any:
    """A value as that implementation takes it."""
    if isinstance(value, Timestamp):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(value))
    if isinstance(value, Duration):
        return timedelta(milliseconds=int(value))
    return float(value) if isinstance(value, Decimal) else value


@pytest.mark.parametrize("seed", range(SEEDS))
def test_generated_expressions_agree(seed: int) -> None:
    pick = Generator(seed)
    texts: dict[str, None] = {}
    while len(texts) < EXPRESSIONS // SEEDS:
        texts[a_bool(pick, 3)] = None
    outcomes: dict[Any, int] = {}
    for text in texts:
        program = cel.compile(text)
        for scope in SCOPES:
            expected, actual = theirs(program, scope), ours(text, scope)
            assert actual == expected, (text, scope)
            outcomes[actual] = outcomes.get(actual, 0) + 1
    # Each kind of outcome must be common, or the comparison shows little.
    assert min(outcomes.get(kind, 0) for kind in (True, False, "error")) > 150, outcomes
