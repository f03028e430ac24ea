"""What expressions read, and how they come apart and together."""

from __future__ import annotations

import pytest

from covey.expressions import bind, conjoin, conjuncts, names, parse

NAMES = {
    "author == auth.id && old.published": {"author", "auth.id", "old.published"},
    "has(auth.team) || size(tags) > 1": {"auth.team", "tags"},
    "auth != null": {"auth"},
    "tags.exists(t, t.name == x && t == t)": {"tags", "x"},
    "t == 1 && tags.exists(t, t == 2)": {"t", "tags"},
    "true": set(),
    "[a, b] == [-c, d ? e : f]": {"a", "b", "c", "d", "e", "f"},
}


@pytest.mark.parametrize("text", NAMES)
def test_names_read(text: str) -> None:
    assert names(parse(text)) == NAMES[text]


CONJUNCTS = {
    "a": ["a"],
    "a && b && c": ["a", "b", "c"],
    "a && (b && c)": ["a", "b", "c"],
    "a && (b || c)": ["a", "b || c"],
    "a || b && c": ["a || b && c"],
    "!(a && b)": ["!(a && b)"],
    "true": [],
    "true && a": ["a"],
    "a && true && b": ["a", "b"],
    "false": ["false"],
    "a && false": ["false"],
    "a && 5": ["false"],
    "a && null": ["false"],
    "a || false": ["a"],
    "false || a && b": ["a", "b"],
    "a && (b || true)": ["a"],
    "(a || false) && (false || b)": ["a", "b"],
    "published || author == auth.id": ["published"],  # bound to a guest, see below
    "a == 1 && author == auth.id": ["false"],
}


@pytest.mark.parametrize("text", CONJUNCTS)
def test_conjuncts(text: str) -> None:
    expression = bind(parse(text), {"auth": None})
    assert [part.text for part in conjuncts(expression)] == CONJUNCTS[text]


def test_conjoin() -> None:
    assert conjoin([]) is None
    assert conjoin([parse("a")]) == parse("a")
    joined = conjoin([parse("a || b"), parse("c"), parse("d && e")])
    assert joined is not None
    assert joined.text == "(a || b) && c && (d && e)"
