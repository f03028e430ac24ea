"""Names and types are checked before any record is read."""

from __future__ import annotations

import pytest

from covey.expressions import ExpressionError, Timestamp, Type, check, parse
from covey.expressions.nodes import Binary, Literal, walk
from tests.layers.core.expressions.trees import Values

TYPES = {
    "id": Type.TEXT,
    "created": Type.TIMESTAMP,
    "now": Type.TIMESTAMP,
    "version": Type.INTEGER,
    "title": Type.TEXT,
    "author": Type.TEXT,
    "published": Type.BOOL,
    "views": Type.INTEGER,
    "price": Type.NUMBER,
    "day": Type.DATE,
    "tags": Type.LIST,
    "meta": Type.ANY,
    "auth": Type.MAP,
    "auth.id": Type.TEXT,
    "auth.roles": Type.LIST,
    "old": Type.MAP,
}

ACCEPTED = [
    "published || author == auth.id",
    "auth != null",
    "auth == null || 'admin' in auth.roles",
    "title == null",
    "null == title",
    "views > 5 && price <= 2.5 && views == price",
    "meta.colour == 'red' && meta.size > 3 && meta.on",
    "old.anything == title",
    "created > '2026-01-31' && created < now",
    "created in ['2026-01-31', now]",
    "now - created > duration('1h')",
    "day > '2026-01-31' && day.startsWith('2026')",
    "day == title",
    "tags.exists(t, t == 'a' && t.size() > 1)",
    "size(tags) + size(title) < 5",
    "views % 2 == 0",
    "-views < 0 && -price < 0",
    "(published ? views : price) > 1",
    "(published ? views : title) == 'x'",
    "has(auth.id) && has(title)",
    "timestamp(title) < now",
    "meta + 1 > 2",
    "title + 'x' == 'yx'",
    "'k' in meta",
    "[1, 2] == tags",
    "false < published",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_fits_is_accepted(text: str) -> None:
    checked = check(parse(text), TYPES, Type.BOOL)
    assert checked.text == text


REFUSED = {
    "an unknown name": ("titel == 'x'", 0, "no titel", "did you mean title?"),
    "Python's None": ("title == None", 9, "no None", "did you mean null?"),
    "an unknown name far from all": ("zzz == 1", 0, "no zzz", ""),
    "an unknown member": ("auth.role == 'x'", 0, "no auth.role", "auth.roles"),
    "has of an unknown name": ("has(titel)", 4, "no titel", "title"),
    "a member of text": ("published && title.x == 1", 13, "has no members", ""),
    "a member of a timestamp": ("created.year == 1", 0, "has no members", ""),
    "text and a number": ("title == 5", 6, "text and integer do not compare", ""),
    "a number and text": ("views == '5'", 6, "integer and text", ""),
    "a bool and a number": ("published == 1", 10, "bool and integer", ""),
    "a bool and text": ("published == 'true'", 10, "bool and text", ""),
    "a timestamp and a number": ("created > 5", 8, "timestamp and integer", ""),
    "a timestamp and text that is none": ("created > 'soon'", 10, "Not a timestamp", ""),
    "text that is no timestamp, on the left": ("'soon' < now", 0, "Not a timestamp", ""),
    "a timestamp and a text field": ("created > title", 8, "timestamp and text", ""),
    "a date and text that is none": ("day == '31.1.2026'", 7, "Not a date", ""),
    "a date that is none": ("day == '2026-02-30'", 7, "Not a date", ""),
    "a week is no date": ("day == '2026-W01-1'", 7, "Not a date", ""),
    "a list and text": ("tags == 'a'", 5, "list and text", ""),
    "lists in order": ("tags < [1]", 5, "no order", ""),
    "null in order": ("views > null", 6, "null has no order", ""),
    "not of a number": ("!views", 1, "bool is needed", ""),
    "minus text": ("-title == 1", 1, "number or duration", ""),
    "and of text": ("published && title", 13, "bool is needed", ""),
    "or of null": ("published || null", 13, "bool is needed", ""),
    "a condition of text": ("title ? true : false", 0, "bool is needed", ""),
    "in text": ("'a' in title", 4, "no meaning", "contains"),
    "in a number": ("1 in views", 2, "no meaning", ""),
    "a number in a map": ("1 in auth", 2, "no meaning", ""),
    "an item that does not compare": ("title in ['a', 5]", 6, "do not compare", ""),
    "an item that is no timestamp": ("created in ['soon']", 12, "Not a timestamp", ""),
    "contains of a list": ("tags.contains('a')", 5, "searches text", "item in list"),
    "starts of a number": ("views.startsWith('1')", 0, "text is needed", ""),
    "starts with a number": ("title.startsWith(1)", 17, "text is needed", ""),
    "size of a number": ("size(views) > 1", 5, "is needed", ""),
    "text and a number added": ("title + views == ''", 6, "no meaning", ""),
    "timestamps added": ("created + now > now", 8, "no meaning", ""),
    "a bool added": ("meta + true == 1", 5, "no meaning", ""),
    "null added": ("views + null == 1", 6, "no meaning", ""),
    "remainder of fractions": ("price % 2 == 0", 6, "no meaning", ""),
    "no bool": ("views + 1", 0, "bool is needed", ""),
    "text where a bool is needed": ("title", 0, "bool is needed", ""),
    "exists over text": ("title.exists(t, t == 'a')", 0, "list is needed", ""),
    "exists of no bool": ("tags.exists(t, 1)", 15, "bool is needed", ""),
    "a variable named as a field": ("tags.exists(title, true)", 5, "name already", "another"),
    "a variable named as another": (
        "tags.exists(t, tags.exists(t, true))",
        20,
        "name already",
        "",
    ),
    "a variable outside": ("tags.exists(t, true) && t == 1", 24, "no t", ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_says_where(name: str) -> None:
    text, position, message, hint = REFUSED[name]
    with pytest.raises(ExpressionError) as refused:
        check(parse(text), TYPES, Type.BOOL)
    found = refused.value
    assert (found.position, message in str(found), hint in found.hint) == (position, True, True), (
        found
    )


def test_suggestions_name_only_what_was_given() -> None:
    visible = {name: of for name, of in TYPES.items() if name != "title"}
    with pytest.raises(ExpressionError) as refused:
        check(parse("titel == 'x'"), visible)
    assert "title" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["created > '2026-01-31T10:00:00+01:00'", "'2026-01-31T09:00:00Z' < created"],
)
def test_text_beside_a_timestamp_becomes_one(text: str) -> None:
    checked = check(parse(text), TYPES)
    literals = [node.value for node in walk(checked.root) if isinstance(node, Literal)]
    assert literals == [Timestamp(1_769_850_000_000)]
    assert isinstance(literals[0], Timestamp)
    assert checked.holds(Values(created=Timestamp(1_769_850_000_001)))
    assert not checked.holds(Values(created=Timestamp(1_769_850_000_000)))


def test_text_beside_text_stays_text() -> None:
    root = check(parse("title == '2026-01-31'"), TYPES).root
    assert isinstance(root, Binary)
    assert root.right == Literal("2026-01-31")


@pytest.mark.parametrize(("text", "value"), [("price / 2", 2.5), ("views / 2", 2)])
def test_a_number_field_divides_with_fractions_whatever_it_holds(text: str, value: float) -> None:
    checked = check(parse(text), TYPES)
    assert checked.evaluate(Values(price=5, views=5)) == value
    assert check(checked, TYPES) == checked


def test_anything_may_be_expected() -> None:
    assert check(parse("auth.id"), TYPES).text == "auth.id"
    assert check(parse("views"), TYPES, Type.NUMBER)
    with pytest.raises(ExpressionError):
        check(parse("auth.id"), TYPES, Type.NUMBER)
