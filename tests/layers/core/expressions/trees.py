"""Strategies for expressions, values and scopes, and a scope over a dict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from covey.expressions import Duration, Timestamp
from covey.expressions.nodes import (
    Binary,
    Call,
    Comprehension,
    Conditional,
    ListLiteral,
    Literal,
    Name,
    Node,
    Unary,
)


class Values:
    """A scope over a dict."""

    def __init__(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        self.lookup = {**(values or {}), **more}.__getitem__


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
DECIMALS = st.decimals(
    min_value=-(10**6), max_value=10**6, allow_nan=False, allow_infinity=False, places=2
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.integers(-(10**37), 10**37),
    DECIMALS,
    TEXTS,
    st.integers(0, 4 * 10**12).map(Timestamp),
    st.integers(-(10**9), 10**9).map(Duration),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
ROOTS = ("a", "b", "flag", "tags", "auth", "absent")
PATHS = st.sampled_from([("a",), ("b",), ("flag",), ("tags",), ("absent",), ("t",)]) | st.tuples(
    st.just("auth"), st.sampled_from(["id", "roles", "missing"])
)
SCOPES = st.fixed_dictionaries(
    {
        "a": VALUES,
        "b": VALUES,
        "flag": st.booleans() | st.none(),
        "tags": st.lists(SCALARS, max_size=4),
        "auth": st.none() | st.fixed_dictionaries({"id": TEXTS, "roles": st.lists(TEXTS)}),
    }
)

_NAMES = PATHS.map(Name)
_MEMBERS = _NAMES.filter(lambda name: len(name.path) > 1)
_LEAVES = st.one_of(
    SCALARS.map(Literal),
    _NAMES,
    _NAMES.map(lambda name: Call("has", (name,))),
    _MEMBERS.map(lambda name: Call("optional", (name,))),
)
_OPERATORS = ("||", "&&", "==", "!=", "<", "<=", ">", ">=", "in", *"+-*/%")


def _grown(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.one_of(
        st.builds(Binary, st.sampled_from(["&&", "||"]), inner, inner),
        st.builds(Binary, st.sampled_from(_OPERATORS), inner, inner),
        st.builds(Unary, st.sampled_from("!-"), inner),
        st.builds(Conditional, inner, inner, inner),
        st.builds(ListLiteral, st.lists(inner, max_size=3).map(tuple)),
        st.builds(
            Call,
            st.sampled_from(["startsWith", "endsWith", "contains", "orValue"]),
            st.tuples(inner, inner),
        ),
        st.builds(Call, st.sampled_from(["size", "double"]), st.tuples(inner)),
        st.builds(Comprehension, st.sampled_from(["exists", "all"]), inner, st.just("t"), inner),
    )


def _counted(node: Node) -> bool:
    from covey.expressions.nodes import walk

    return sum(isinstance(part, Comprehension) for part in walk(node)) <= 4


TREES = st.recursive(_LEAVES, _grown, max_leaves=10).filter(_counted)
