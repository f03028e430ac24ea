"""The shared subset evaluates as an independent CEL implementation evaluates it.

What differs on purpose stays out: numbers are exact decimals here, doubles there, so
fractions are halves and quarters and never meet integers; has() of a member of null is an
error here and in CEL's specification, false there. Comparing a list or map with null, and
methods of joined text, are errors there only; bools compare with doubles there only.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import celpy
import pytest

from covey.expressions import EvaluationError, bind, parse
from covey.expressions.render import render
from tests.layers.core.expressions.trees import Values

Generator = random.Random

PEOPLE: list[dict[str, Any]] = [
    {"id": "u1", "roles": ["editor", "żółw"], "level": 3, "team": None},
    {"id": "u2", "roles": [], "level": -2, "team": "red"},
]
SCOPES: list[dict[str, Any]] = [
    {
        "title": title,
        "author": author,
        "published": published,
        "views": views,
        "price": price,
        "tags": tags,
        "nothing": None,
        "auth": auth,
    }
    for title, author, published, views, price, tags, auth in [
        ("Hello", "u1", True, 7, Decimal("2.5"), ["a", "b"], PEOPLE[0]),
        ("", "u2", False, 0, Decimal("-0.25"), [], PEOPLE[0]),
        ("żółw 😀", "u1", False, -3, Decimal("0.5"), ["żółw", "a", "a"], None),
        ("a", "a", True, 12, Decimal("100.75"), [1, "b", 2], PEOPLE[1]),
    ]
]

LEAVES = {
    "text": ("title", "author", "auth.id", '"a"', "''", '"żółw"', r"'\u00f3\n'", '"u1"'),
    "int": ("views", "0", "1", "7", "-3", "12", "auth.level", "size(tags)", "size(title)"),
    "double": ("price", "0.5", "2.5", "-0.25", "100.75", "1e2"),
    "bool": ("published", "true", "false"),
    "list": ("tags", "auth.roles", "[]", '["a", "u1"]', "[1, 2]", '["b", 1]'),
    "any": ("nothing", "null", "absent", "auth.absent", "auth.team", "title.x"),
}
SCALARS = ("text", "int", "double", "bool")


def a_bool(pick: Generator, depth: int) -> str:
    """A bool, most often of parts that fit."""
    if depth <= 0:
        return pick.choice(LEAVES["bool"])
    forms = (
        lambda: f"{a_bool(pick, depth - 1)} && {a_bool(pick, depth - 1)}",
        lambda: f"{a_bool(pick, depth - 1)} || {a_bool(pick, depth - 1)}",
        lambda: f"({a_bool(pick, depth - 1)} || {a_bool(pick, depth - 1)})",
        lambda: f"!({a_bool(pick, depth - 1)})",
        lambda: compared(pick, depth),
        lambda: compared(pick, depth),
        lambda: f"({a(pick, 'any', 0)} {pick.choice(('==', '!='))} {a(pick, 'any', 0)})",
        lambda: f"{a(pick, pick.choice(('text', 'int')), depth - 1)} in {a(pick, 'list', 0)}",
        lambda: called(pick, depth),
        lambda: f"has(auth.{pick.choice(('id', 'absent', 'level'))})",
        lambda: quantified(pick, depth),
        lambda: f"({a_bool(pick, depth - 1)} ? {a_bool(pick, 0)} : {a_bool(pick, depth - 1)})",
    )
    return pick.choice(forms)()


def compared(pick: Generator, depth: int) -> str:
    operator = pick.choice(("==", "!=", "<", "<=", ">", ">="))
    kind, other = pick.choice(SCALARS), pick.choice(("text", "int"))
    if kind in ("double", "bool") or pick.random() < 0.85:
        other = kind
    return f"({a(pick, kind, depth - 1)} {operator} {a(pick, other, depth - 1)})"


def called(pick: Generator, depth: int) -> str:
    method = pick.choice(("startsWith", "endsWith", "contains"))
    kind = "text" if pick.random() < 0.9 else "int"
    return f"{a(pick, 'text', 0)}.{method}({a(pick, kind, 0)})"


def quantified(pick: Generator, depth: int) -> str:
    body = pick.choice(("x == 'a'", "x != 'b'", "x in tags", "x == author", "size(x) > 0"))
    return f"{a(pick, 'list', 0)}.{pick.choice(('exists', 'all'))}(x, {body})"


def a(pick: Generator, kind: str, depth: int) -> str:
    """A part of a kind."""
    if kind == "bool":
        return f"({a_bool(pick, min(depth, 1))})"
    if depth <= 0 or kind == "any" or pick.random() < 0.5:
        return pick.choice(LEAVES[kind])
    if kind == "list" or kind == "text":
        return f"({a(pick, kind, depth - 1)} + {a(pick, kind, depth - 1)})"
    operator = pick.choice("+-*/%" if kind == "int" else "+-*")
    return f"({a(pick, kind, depth - 1)} {operator} {a(pick, kind, depth - 1)})"


def ours(text: str, scope: dict[str, Any]) -> Any:
    try:
        return parse(text).evaluate(Values(scope))
    except EvaluationError:
        return "error"


def theirs(program: Any, scope: dict[str, Any]) -> Any:
    try:
        return program.evaluate({name: as_cel(value) for name, value in scope.items()})
    except (celpy.CELEvalError, IndexError):  # it also fails while it words some errors
        return "error"


def as_cel(value: Any) -> Any:
    return celpy.json_to_cel(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(12))
def test_generated_expressions_agree(seed: int) -> None:
    pick = Generator(seed)
    environment = celpy.Environment()
    texts: dict[str, None] = {}
    while len(texts) < 100:
        texts[a_bool(pick, 3)] = None
    outcomes: dict[Any, int] = {}
    for text in texts:
        program = environment.program(environment.compile(text))
        for scope in SCOPES:
            if "has(" in text and scope["auth"] is None:
                continue
            expected = theirs(program, scope)
            actual = ours(text, scope)
            assert str(actual).lower() == str(expected).lower(), (text, scope)
            outcomes[actual] = outcomes.get(actual, 0) + 1
            bound = bind(parse(text), {"auth": scope["auth"], "views": scope["views"]})
            rendered = render(parse(text).root)
            assert ours(rendered, scope) == actual
            assert bound.holds(Values(scope)) == (actual is True)
    # Each kind of outcome must be common, or the comparison shows little.
    assert min(outcomes.get(kind, 0) for kind in (True, False, "error")) > 40
