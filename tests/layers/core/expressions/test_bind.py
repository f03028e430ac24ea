"""Binding what is known leaves what depends on the record."""

from __future__ import annotations

import pytest

from covey.expressions import Timestamp, bind, names, parse
from covey.expressions.nodes import Fault
from tests.layers.core.expressions.trees import Values

USER = {"auth": {"id": "u1", "roles": ["editor"], "age": 30}, "now": Timestamp(0)}
GUEST = {"auth": None, "now": Timestamp(0)}

BOUND = {
    # name: (text, with the user, as a guest)
    "an owner": ("author == auth.id", 'author == "u1"', 'error("null has no id")'),
    "an owner or anyone": (
        "published || author == auth.id",
        'published || author == "u1"',
        'published || error("null has no id")',
    ),
    "signed in": ("auth != null", "true", "false"),
    "signed in and an owner": (
        "auth != null && author == auth.id",
        'author == "u1"',
        "false",
    ),
    "a role": ("'editor' in auth.roles || a == 1", "true", 'error("null has no roles") || a == 1'),
    "no role": ("'x' in auth.roles || a == 1", "a == 1", 'error("null has no roles") || a == 1'),
    "a time": ("created < now", 'created < timestamp("1970-01-01T00:00:00.000Z")', None),
    "a computed time": (
        "created > now - duration('1s')",
        'created > timestamp("1969-12-31T23:59:59.000Z")',
        None,
    ),
    "presence": ("has(auth.id) && a == 1", "a == 1", 'error("null has no id") && a == 1'),
    "an absent member": ("auth.absent == a", 'error("There is no auth.absent")', None),
    "arithmetic": ("views > auth.age * 2", "views > 60", 'error("null has no age")'),
    "a condition": ("auth == null ? published : a == 1", "a == 1", "published"),
    "a list": ("a in [auth.id, 'x']", 'a in ["u1", "x"]', None),
    "quantified": (
        "tags.exists(t, t == auth.id)",
        'tags.exists(t, t == "u1")',
        'tags.exists(t, error("null has no id"))',
    ),
    "true and what may be no bool": ("auth != null && a", "true && a", "false"),
    "constants alone": ("1 + 1 == 2 && a == 'x' + 'y'", 'a == "xy"', 'a == "xy"'),
    "nothing known": ("a == b", "a == b", "a == b"),
}


@pytest.mark.parametrize("name", BOUND)
def test_bound(name: str) -> None:
    text, with_user, as_guest = BOUND[name]
    assert bind(parse(text), USER).text == with_user
    if as_guest is not None:
        assert bind(parse(text), GUEST).text == as_guest


def test_nothing_bound_is_read_again() -> None:
    bound = bind(parse("author == auth.id && old.a == now"), {**USER, "old": {"a": 1}})
    assert names(bound) == {"author"}


def test_a_fault_never_holds() -> None:
    bound = bind(parse("auth.id != 'x'"), GUEST)
    assert isinstance(bound.root, Fault)
    assert not bound.holds(Values())
    assert not bind(parse("!(auth.id == 'x')"), GUEST).holds(Values())


def test_binding_twice_is_binding_once() -> None:
    text = "auth.id == author && created < now || published"
    once = bind(parse(text), USER)
    assert bind(bind(parse(text), {"now": USER["now"]}), USER) == once
    assert bind(once, USER) is once


def test_an_unbound_expression_is_itself() -> None:
    expression = parse("a == b")
    assert bind(expression, {"c": 1}) is expression


def test_a_variable_is_not_bound() -> None:
    bound = bind(parse("tags.exists(t, t == t) && t == 1"), {"t": 2})
    assert bound.text == "false"
    assert bind(parse("tags.exists(t, t == 1)"), {"t": 2}).text == "tags.exists(t, t == 1)"
