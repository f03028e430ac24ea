"""What expressions evaluate to, and what denies."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from covey.expressions import (
    Duration,
    EvaluationError,
    Expression,
    Timestamp,
    parse,
)
from tests.layers.core.expressions.trees import Values

RECORD = {
    "title": "Hello, World",
    "author": "u1",
    "published": False,
    "views": 7,
    "price": Decimal("2.50"),
    "huge": Decimal("9.99E+125"),
    "tags": ["a", "b", 3],
    "meta": {"colour": "red", "empty": None, "sizes": [1, 2]},
    "missing": None,
    "created": Timestamp(1_769_850_000_000),  # 2026-01-31T09:00:00Z
    "now": Timestamp(1_769_853_600_000),
    "day": "2026-01-31",
    "auth": {"id": "u1", "roles": ("editor", "writer"), "team": None},
    "old": MappingProxyType({"views": 6, "published": True}),
    "float": 1.5,
    "odd": Decimal("NaN"),
}
GUEST = {**RECORD, "auth": None}

VALUES = {
    "a name": ("title", "Hello, World"),
    "a member": ("auth.id", "u1"),
    "a member of a member": ("meta.colour", "red"),
    "a member of what is no dict but a mapping": ("old.views", 6),
    "equal texts": ("author == auth.id", True),
    "unequal texts": ("author != 'u2'", True),
    "text differs by case": ("'a' == 'A'", False),
    "an integer equals a decimal": ("1 == 1.0", True),
    "a decimal equals an integer": ("price == 2.5", True),
    "integers beyond doubles differ": ("9007199254740993 == 9007199254740992.0", False),
    "null equals null": ("missing == null", True),
    "null differs from text": ("title == null", False),
    "text is not null": ("auth != null", True),
    "lists": ("[1, 2] == [1.0, 2]", True),
    "lists of other lengths": ("[1] == [1, 2]", False),
    "one unequal item decides": ("[1, 'x'] == [2, 5]", False),
    "a list field": ("tags == ['a', 'b', 3]", True),
    "maps": ("meta == meta", True),
    "less": ("views < 8", True),
    "less than a decimal": ("views < 7.5", True),
    "at most": ("views <= 7", True),
    "greater": ("price > 2", True),
    "far apart": ("huge > views", True),
    "texts by code point": ("'Z' < 'a'", True),
    "texts beyond the first plane": ("'\\uffff' < '\\U00010000'", True),
    "false before true": ("false < true", True),
    "timestamps": ("created < now", True),
    "a timestamp and text as one": ("created == timestamp('2026-01-31T10:00:00+01:00')", True),
    "in a list": ("'a' in tags", True),
    "in a list that also holds others": ("3 in tags", True),
    "in a tuple": ("'editor' in auth.roles", True),
    "not in": ("!('admin' in auth.roles)", True),
    "in an empty list": ("1 in []", False),
    "null in a list": ("null in [1, null]", True),
    "a key in a map": ("'colour' in meta", True),
    "and": ("true && published", False),
    "or": ("published || true", True),
    "not": ("!published", True),
    "false decides and, after an error": ("absent && false", False),
    "false decides and, before an error": ("false && absent", False),
    "true decides or, after an error": ("absent || true", True),
    "true decides or, before an error": ("true || absent", True),
    "true decides or, after text": ("title || true", True),
    "true decides a long or": ("absent || false || 1 || true", True),
    "then": ("published ? 1 : 2", 2),
    "the other outcome is not evaluated": ("true ? 1 : absent", 1),
    "has": ("has(title)", True),
    "has of null": ("has(missing)", False),
    "has of what is not there": ("has(absent)", False),
    "has of a member": ("has(auth.id)", True),
    "has of a null member": ("has(auth.team)", False),
    "has of a member that is not there": ("has(auth.absent)", False),
    "starts": ("title.startsWith('Hello')", True),
    "starts with nothing": ("title.startsWith('')", True),
    "ends": ("title.endsWith('World')", True),
    "contains": ("title.contains('lo, W')", True),
    "contains differs by case": ("title.contains('hello')", False),
    "size of text counts characters": ("size('żó😀')", 3),
    "size of a list": ("tags.size()", 3),
    "size of a map": ("size(meta)", 3),
    "a sum": ("views + 1", 8),
    "a sum with a decimal": ("views + price", Decimal("9.50")),
    "no binary fractions": ("0.1 + 0.2 == 0.3", True),
    "a difference": ("1 - 2 - 3", -4),
    "a product": ("views * -2", -14),
    "whole numbers divide toward zero": ("-7 / 2", -3),
    "the remainder has the sign of the left": ("-7 % 3", -1),
    "the remainder by a negative": ("7 % -3", 1),
    "decimals divide with fractions": ("7 / 2.0", Decimal("3.5")),
    "double divides with fractions": ("double(7) / 2", Decimal("3.5")),
    "a third has 38 digits": ("1.0 / 3", Decimal("0." + "3" * 38)),
    "minus": ("-views", -7),
    "joined text": ("title + '!'", "Hello, World!"),
    "joined lists": ("[1] + tags", [1, "a", "b", 3]),
    "a span between instants": ("now - created", Duration(3_600_000)),
    "an instant later": ("created + duration('1h') == now", True),
    "an instant earlier": ("now - duration('60m') == created", True),
    "spans": ("now - created >= duration('3599s')", True),
    "a negative span": ("-duration('1s') < duration('0s')", True),
    "text as an instant": ("timestamp(day) < created", True),
    "exists": ("tags.exists(t, t == 'b')", True),
    "exists of nothing": ("[].exists(t, t == 'b')", False),
    "exists passes over errors when one holds": ("tags.exists(t, t == 3)", True),
    "all": ("auth.roles.all(r, r.size() > 3)", True),
    "all of nothing": ("[].all(r, false)", True),
    "all passes over errors when one does not hold": ("tags.all(t, t == 'a')", False),
    "the variable covers nothing outside": ("tags.exists(t, t == 'a') && title != ''", True),
    "one in another": ("[1, 2].exists(x, [2, 3].exists(y, x == y))", True),
    "an inner variable covers an outer": ("[1].exists(x, ['a'].exists(x, x == 'a'))", True),
}


@pytest.mark.parametrize("name", VALUES)
def test_value(name: str) -> None:
    text, expected = VALUES[name]
    value = parse(text).evaluate(Values(RECORD))
    assert (value, type(value)) == (expected, type(expected))


DENIED = {
    # name: (text, part of the message); each is true if its mistake were passed over
    "an unknown name": ("absent != 1", "no absent"),
    "an unknown member": ("auth.absent != 1", "no auth.absent"),
    "a member of null": ("missing.x != 1", "null has no x"),
    "a member of text": ("title.x != 1", "text has no x"),
    "a member of a list": ("tags.x != 1", "list has no x"),
    "text unequal to a number": ("title != 1", "does not compare"),
    "text equal to a number": ("!(title == 1)", "does not compare"),
    "a bool is no number": ("true != 1", "does not compare"),
    "a bool is no decimal": ("!(true == 1.0)", "does not compare"),
    "zero is not false": ("!(0 == false)", "does not compare"),
    "a timestamp is no number": ("created != 1769850000000", "does not compare"),
    "a timestamp is no text": ("created != '2026-01-31T09:00:00.000Z'", "does not compare"),
    "a timestamp is no duration": ("created != duration('1s')", "does not compare"),
    "lists with items that do not compare": ("[1] != ['a']", "does not compare"),
    "a float": ("float != 2", "does not compare"),
    "not a number": ("odd != 1", "does not compare"),
    "not a number in order": ("!(odd < 1)", "does not compare"),
    "null in order": ("!(missing < 1)", "does not compare"),
    "lists in order": ("!([1] < [0])", "does not compare"),
    "text in order with a number": ("!('a' < 1)", "does not compare"),
    "in text": ("!('x' in title)", "does not compare"),
    "in null": ("!('x' in missing)", "does not compare"),
    "not in a list of others": ("!(5 in ['a'])", "does not compare"),
    "a number in a map": ("!(5 in meta)", "does not compare"),
    "not of text": ("!title", "bool is needed"),
    "not of null": ("!missing", "bool is needed"),
    "not of a number": ("!(!0)", "bool is needed"),
    "or of text": ("title || false", "bool is needed"),
    "and of null": ("!(missing && true)", "bool is needed"),
    "a condition of text": ("title ? true : true", "bool is needed"),
    "a condition of null": ("missing ? true : true", "bool is needed"),
    "has of a member of null": ("!has(missing.x)", "null has no x"),
    "has of a member of text": ("!has(title.x)", "text has no x"),
    "starts of null": ("!missing.startsWith('a')", "text is needed"),
    "starts with null": ("!title.startsWith(missing)", "text is needed"),
    "contains of a list": ("tags.contains('a')", "text is needed"),
    "size of null": ("size(missing) == 0", "no size"),
    "size of a number": ("size(views) >= 0", "no size"),
    "text and a number": ("title + 1 != ''", "no meaning"),
    "a bool and a number": ("true + 1 == 2", "no meaning"),
    "text times": ("'a' * 5 != ''", "no meaning"),
    "minus text": ("-title != ''", "no meaning"),
    "minus a bool": ("-true != 1", "no meaning"),
    "timestamps added": ("created + now != now", "no meaning"),
    "division by zero": ("1 / 0 != 1", "zero"),
    "division by a decimal zero": ("1 / 0.0 != 1", "zero"),
    "zero by zero": ("0.0 / 0 != 1", "zero"),
    "remainder by zero": ("1 % 0 != 1", "zero"),
    "remainder of decimals": ("1.5 % 1 != 1", "no meaning"),
    "a number too large": ("huge * 10 > 0", "out of range"),
    "an integer too large": (f"{'9' * 38} + 1 > 0", "38 digits"),
    "an integer product too large": (f"{'9' * 38} * {'9' * 38} > 0", "38 digits"),
    "an instant out of range": (
        "timestamp('9999-12-31T00:00:00Z') + duration('48h') > now",
        "out of range",
    ),
    "an instant of text that is none": ("timestamp(title) != now", "Not a timestamp"),
    "a span of text that is none": ("duration(title) != duration('1s')", "Not a duration"),
    "double of text": ("double(day) != 1", "number is needed"),
    "exists over null": ("!missing.exists(x, true)", "list is needed"),
    "exists over a map": ("meta.exists(x, true)", "list is needed"),
    "exists over text": ("title.exists(x, true)", "list is needed"),
    "exists with an error": ("!tags.exists(t, t > 5)", "does not compare"),
    "all with an error": ("tags.all(t, t != 5)", "does not compare"),
    "exists of no bool": ("!tags.exists(t, t)", "bool is needed"),
}


@pytest.mark.parametrize("name", DENIED)
def test_a_mistake_denies(name: str) -> None:
    text, message = DENIED[name]
    expression = parse(text)
    with pytest.raises(EvaluationError) as raised:
        expression.evaluate(Values(RECORD))
    assert message in raised.value.message
    assert expression.holds(Values(RECORD)) is False


@pytest.mark.parametrize("text", ["title", "1", "null", "tags", "meta", "'true'", "created"])
def test_only_true_holds(text: str) -> None:
    assert parse(text).holds(Values(RECORD)) is False


@pytest.mark.parametrize(
    "text",
    [
        "author == auth.id",
        "author != auth.id",
        "!(author == auth.id)",
        "!has(auth.banned)",
        "!(auth.id in tags)",
        "auth.roles.all(r, r != 'x')",
        "auth != null && auth.id != ''",
    ],
)
def test_a_guest_is_denied_by_rules_on_the_caller(text: str) -> None:
    assert parse(text).holds(Values(GUEST)) is False


def test_a_guest_is_admitted_by_a_rule_that_also_admits_others() -> None:
    rule = parse("published || author == auth.id")
    assert rule.holds(Values({**GUEST, "published": True}))
    assert not rule.holds(Values(GUEST))


def test_a_failing_scope_is_not_taken_for_a_denial() -> None:
    class Broken:
        def lookup(self, name: str) -> Any:
            raise ConnectionError(name)

    with pytest.raises(ConnectionError):
        parse("a || b").holds(Broken())


def test_text_grows_within_bounds_only() -> None:
    scope = Values(a="x" * 40_000)
    assert len(parse("a + 'y'").evaluate(scope)) == 40_001
    with pytest.raises(EvaluationError, match="Longer than"):
        parse("a + a").evaluate(scope)
    with pytest.raises(EvaluationError, match="Longer than"):
        parse("a + a").evaluate(Values(a=[0] * 6_000))


@pytest.mark.parametrize(
    "text",
    [
        "a.exists(x, x in a)",
        "a.exists(x, a == [x])",
        "a.exists(x, a.exists(y, a.exists(z, x + y + z == 1)))",
        "a.all(x, a.all(y, x == y))",
        "a.exists(x, [a, a, a] == [a, a, 1])",
    ],
)
def test_a_list_against_itself_ends_soon(text: str) -> None:
    scope = Values(a=[0] * 100_000 + ["x"])
    with pytest.raises(EvaluationError, match="steps"):
        parse(text).evaluate(scope)


def test_a_spent_budget_is_not_passed_over_by_the_outer_one() -> None:
    scope = Values(a=list(range(2_000)))
    with pytest.raises(EvaluationError, match="steps"):
        parse("a.exists(x, a.exists(y, x < 0 && y < 0))").evaluate(scope)


def test_deep_values_do_not_exhaust_the_stack() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    assert parse("a == b").holds(Values(a=deep, b=copy.copy(deep))) is False
    assert parse("a.exists(x, x == b)").holds(Values(a=deep, b=deep)) is False


def test_expressions_pickle_compare_and_print() -> None:
    expression = parse("a  ==  1")
    assert expression.holds(Values(a=1))
    again = pickle.loads(pickle.dumps(expression))
    assert again == expression == copy.deepcopy(expression) == parse("a == 1")
    assert again.holds(Values(a=1))
    assert (str(again), expression.text) == ("a  ==  1", "a  ==  1")
    assert Expression(expression.root).text == "a == 1"
    assert expression != parse("a == 1.0")
    assert parse("a == 1") != parse("a == true")
    assert len({expression, again}) == 1
