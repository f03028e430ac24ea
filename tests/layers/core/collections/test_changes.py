from __future__ import annotations

from typing import Any

import pytest

from covey.collections import load
from covey.collections.changes import diff

TITLE = {"type": "text", "max": 100}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "nothing": ({"fields": {"a": TITLE}}, {"fields": {"a": TITLE}}, []),
    "a field more": ({}, {"fields": {"a": TITLE}}, ["add field posts.a: text"]),
    "a required field more": (
        {},
        {"fields": {"a": {"type": "text", "list": True, "required": True}}},
        ["add field posts.a: list of text; records that are there have none"],
    ),
    "a field less": (
        {"fields": {"a": TITLE}},
        {},
        ["remove field posts.a and its values (loses data)"],
    ),
    "a rename": (
        {"fields": {"a": TITLE}, "indexes": [["a"]], "unique": [["a"]]},
        {"fields": {"b": {**TITLE, "was": "a"}}, "indexes": [["b"]], "unique": [["b"]]},
        ["rename a to posts.b"],
    ),
    "an option": (
        {"fields": {"a": TITLE}},
        {"fields": {"a": {"type": "text", "required": True}}},
        [
            "change posts.a.required from nothing to true",
            "change posts.a.max from 100 to nothing",
        ],
    ),
    "a wider type": (
        {"fields": {"a": {"type": "integer"}}},
        {"fields": {"a": {"type": "number"}}},
        ["change posts.a.type from integer to number"],
    ),
    "another type": (
        {"fields": {"a": TITLE}},
        {"fields": {"a": {"type": "integer"}}},
        ["convert posts.a from text to integer where all values fit (backfills)"],
    ),
    "a type that nothing leads to": (
        {"fields": {"a": {"type": "bool"}}},
        {"fields": {"a": {"type": "date"}}},
        ["change posts.a from bool to date, without its values (loses data)"],
    ),
    "an expiry": (
        {"fields": {"a": {"type": "datetime"}}},
        {"fields": {"a": {"type": "datetime", "expires": True}}},
        ["change posts.a.expires from nothing to true (backfills)"],
    ),
    "indexes": (
        {"fields": {"a": TITLE, "b": TITLE}, "indexes": [["a"]]},
        {"fields": {"a": TITLE, "b": TITLE}, "indexes": [["a", "-b"]]},
        ["add index posts [a, -b] (backfills)", "remove index posts [a]"],
    ),
    "claims": (
        {"fields": {"a": TITLE, "b": TITLE}, "unique": [["a"]]},
        {"fields": {"a": TITLE, "b": TITLE}, "unique": [["b", "a"]]},
        ["make b, a unique in posts (backfills)", "let a repeat in posts"],
    ),
    "rules": (
        {"rules": {"read": "auth != null"}},
        {"rules": {"read": "true", "create": "false"}},
        [
            'change who may read posts from "auth != null" to "true"',
            'change who may create posts from administrators only to "false"',
        ],
    ),
    "the rest": (
        {},
        {"description": "x", "ids": "custom", "history": True, "soft_delete": "9d"},
        [
            "change the description of posts",
            "change the ids of posts",
            "change the history of posts",
            "change the soft_delete of posts",
        ],
    ),
}


@pytest.mark.parametrize(("one", "two", "wanted"), CASES.values(), ids=CASES.keys())
def test_what_changed_is_said(one: Any, two: Any, wanted: list[str]) -> None:
    before = load({"name": "posts", **one})
    after = load({"name": "posts", **two}, previous=before)
    assert [str(change) for change in diff(before, after)] == wanted


def test_whole_collections_come_and_go() -> None:
    posts = load({"name": "posts"})
    assert [str(change) for change in diff(None, posts)] == ["add collection posts"]
    (gone,) = diff(posts, None)
    assert gone.destructive and not gone.needs_backfill
    assert diff(None, None) == []
