"""What holds of every expression."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from covey.expressions import (
    EvaluationError,
    Expression,
    ExpressionError,
    bind,
    check,
    conjoin,
    conjuncts,
    explain,
    names,
    parse,
)
from covey.expressions.errors import ExpressionError as Refused
from covey.expressions.nodes import Node
from covey.expressions.render import render
from covey.expressions.values import Type
from tests.layers.core.expressions.trees import ROOTS, SCOPES, TREES, Values

_PIECES = (
    *"()[]!-+*/%<>?:.,=&|'\"\\ \0é1a",
    *("&&", "||", "==", "in", "has", "1e9", "//", "\n", "null", "true", "auth.id"),
    *(".size()", ".exists(x,", "timestamp(", "matches("),
)
_SYNTAX = st.lists(st.sampled_from(_PIECES), max_size=60).map("".join)


def outcome(expression: Expression, scope: Values) -> Any:
    """The value, or the word error: which error is not part of the laws."""
    try:
        value = expression.evaluate(scope)
    except EvaluationError:
        return "error"
    return type(value), repr(value)


@given(TREES)
@settings(max_examples=400, deadline=None)
def test_what_is_rendered_reads_back_as_the_same_tree(tree: Node) -> None:
    text = render(tree)
    if len(text) <= 2_000:
        assert parse(text).root == tree, text


@given(TREES, SCOPES)
@settings(max_examples=400, deadline=None)
def test_holds_never_raises(tree: Node, scope: dict[str, Any]) -> None:
    assert Expression(tree).holds(Values(scope)) in (True, False)


@given(TREES, SCOPES, st.sets(st.sampled_from(ROOTS)))
@settings(max_examples=600, deadline=None)
def test_binding_first_evaluates_the_same(
    tree: Node, scope: dict[str, Any], known: set[str]
) -> None:
    expression = Expression(tree)
    bound = bind(expression, {name: scope[name] for name in known if name in scope})
    assert outcome(bound, Values(scope)) == outcome(expression, Values(scope))
    assert not {name.split(".")[0] for name in names(bound)} & known & scope.keys()


@given(TREES, SCOPES)
@settings(max_examples=400, deadline=None)
def test_clauses_joined_again_hold_the_same(tree: Node, scope: dict[str, Any]) -> None:
    expression = bind(Expression(tree), {"auth": scope["auth"]})
    joined = conjoin(conjuncts(expression))
    held = True if joined is None else joined.holds(Values(scope))
    assert held == expression.holds(Values(scope))


@given(TREES, SCOPES)
@settings(max_examples=200, deadline=None)
def test_explaining_agrees_with_evaluating(tree: Node, scope: dict[str, Any]) -> None:
    expression = Expression(tree)
    explained = explain(expression, Values(scope))
    assert ("error" in explained) == (outcome(expression, Values(scope)) == "error")


@given(TREES, SCOPES)
@settings(max_examples=300, deadline=None)
def test_only_the_names_it_states_are_read(tree: Node, scope: dict[str, Any]) -> None:
    read: set[str] = set()

    class Watching:
        def lookup(self, name: str) -> Any:
            read.add(name)
            return scope[name]

    expression = Expression(tree)
    expression.holds(Watching())
    assert read <= {name.split(".")[0] for name in names(expression)}


@given(TREES)
@settings(max_examples=300, deadline=None)
def test_checking_refuses_or_keeps_the_names(tree: Node) -> None:
    types = {
        "a": Type.TEXT,
        "b": Type.NUMBER,
        "flag": Type.BOOL,
        "tags": Type.LIST,
        "auth": Type.MAP,
        "auth.id": Type.TEXT,
        "auth.roles": Type.LIST,
    }
    try:
        checked = check(Expression(tree), types)
    except Refused:
        return
    assert names(checked) == names(Expression(tree))
    assert check(checked, types) == checked


@given(st.text(max_size=200) | _SYNTAX)
@settings(max_examples=1_500, deadline=None)
def test_any_text_parses_or_is_refused_soon(text: str) -> None:
    start = time.thread_time()
    try:
        expression = parse(text)
    except ExpressionError as error:
        assert 0 <= error.position <= len(text)
    else:
        assert parse(render(expression.root)).root == expression.root
    assert time.thread_time() - start < 0.2
