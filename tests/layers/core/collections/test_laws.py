"""What holds of every document."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.collections import dump, json_schema, load, restore, state
from covey.collections.changes import diff
from covey.collections.model import Collection
from covey.collections.schema_file import main, text
from covey.errors import Invalid
from covey.fields import REGISTRY, validate_record

PUBLISHED = Path(__file__).parents[4] / "docs/reference/collection.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())

names = st.from_regex("[a-z][a-z0-9_]{0,5}", fullmatch=True).map(lambda name: f"f_{name}")
bounds = st.integers(0, 50)
OPTIONS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "text": {"min": bounds, "max": bounds.map(lambda n: n + 50), "pattern": st.just("^[a-z]*$")},
    "integer": {"min": st.integers(-9, 0), "max": st.integers(0, 9)},
    "number": {"min": st.decimals(-9, 0, places=2), "max": st.integers(0, 9)},
    "datetime": {"min": st.just("2026-01-31T10:00:00+01:00"), "expires": st.just(False)},
    "date": {"min": st.just("2026-01-31")},
    "json": {"max": st.integers(1, 1_000)},
    "file": {"types": st.just(["image/*"]), "thumbs": st.just(["9x9", "8x8c"])},
}
NEEDED: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "choice": {"choices": st.lists(st.sampled_from("abc"), min_size=1, unique=True)},
    "relation": {"to": st.sampled_from(["users", "posts"])},
}
COMMON = {
    "required": st.booleans(),
    "description": st.text("ab ", max_size=5),
    "read": st.sampled_from(["auth != null", "id == auth.id", True, None]),
    "write": st.sampled_from(["false", False]),
    "was": st.sampled_from(["", "f_a"]),
}
LISTS = {
    "min_items": st.integers(0, 2),
    "max_items": st.integers(2, 9),
    "unique_items": st.booleans(),
}


def field(type: str) -> st.SearchStrategy[dict[str, Any]]:
    options = COMMON | OPTIONS.get(type, {})
    options |= {"default": st.just("auth.id")} if REGISTRY[type].defaults else {}
    plain = st.fixed_dictionaries({"type": st.just(type), **NEEDED.get(type, {})}, optional=options)
    if not REGISTRY[type].scalar:
        return plain
    many = st.fixed_dictionaries({"list": st.just(True)}, optional=LISTS)
    listed = st.tuples(plain, many).map(
        lambda parts: {k: v for k, v in parts[0].items() if k != "expires"} | parts[1]
    )
    return plain | listed


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    fields = draw(
        st.dictionaries(names, st.sampled_from(list(REGISTRY)).flatmap(field), max_size=5)
    )
    plain = [name for name, f in fields.items() if not f.get("list") and REGISTRY[f["type"]].scalar]
    document: dict[str, Any] = {"name": draw(st.sampled_from(["things", "users"]))}
    document["fields"] = fields
    if plain:
        part = st.sampled_from(plain)
        document["unique"] = [[draw(part)]]
        document["indexes"] = [
            [f"-{draw(part)}", "created"],
            {"fields": [draw(part)], "covering": draw(st.booleans())},
        ]
    rules = st.fixed_dictionaries({}, optional={"read": COMMON["read"], "create": COMMON["write"]})
    document["rules"] = draw(st.none() | rules)
    document["history"] = draw(st.booleans() | st.just("90d"))
    document["soft_delete"] = draw(st.booleans() | st.just("7d"))
    return document


@given(documents())
def test_what_is_dumped_loads_as_the_same(document: dict[str, Any]) -> None:
    collection = load(document)
    assert dump(load(dump(collection))) == dump(collection)
    assert load(dump(collection), previous=collection) == collection
    assert diff(collection, load(dump(collection), previous=collection)) == []


@given(documents(), documents())
def test_a_state_restores_the_very_collection(one: dict[str, Any], two: dict[str, Any]) -> None:
    first = load(one)
    second = load(two | {"name": one["name"]}, previous=first)
    for collection in (first, second):
        assert restore(state(collection)) == collection
    keys = [field.key for field in second.fields.values()]
    assert len(set(keys)) == len(keys)
    slots = [index.slot for index in second.indexes]
    assert len(set(slots)) == len(slots)


@given(documents(), documents())
def test_what_changed_is_said_and_nothing_else(one: dict[str, Any], two: dict[str, Any]) -> None:
    first = load(one)
    second = load(two | {"name": one["name"]}, previous=first)
    assert bool(diff(first, second)) is (in_order(first) != in_order(second))


def in_order(collection: Collection) -> Collection:
    indexes = tuple(sorted(collection.indexes, key=lambda index: index.number))
    unique = tuple(sorted(collection.unique))
    return replace(collection, indexes=indexes, unique=unique, version=0)


@given(documents())
def test_a_document_that_loads_follows_the_schema(document: dict[str, Any]) -> None:
    VALIDATOR.validate(document)
    VALIDATOR.validate(dump(load(document)))


def broken(value: Any) -> st.SearchStrategy[Any]:
    """The document with one part of another type, or one key more."""
    if not isinstance(value, dict):
        return st.sampled_from([value, 5, "x", {}, [5], ["x"], {"x": 1}, True])
    inner = [
        broken(part).map(lambda new, name=name: value | {name: new})  # type: ignore[misc]
        for name, part in value.items()
    ]
    return st.one_of(st.just(value | {"nonsense": 1}), *inner)


@given(documents().flatmap(broken))
def test_whatever_the_schema_refuses_is_refused(document: Any) -> None:
    try:
        load(document)
    except Invalid:
        return
    VALIDATOR.validate(document)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {"name": st.just("things")},
        optional=dict.fromkeys(
            [
                "fields",
                "rules",
                "indexes",
                "unique",
                "search",
                "aggregates",
                "ids",
                "history",
                "soft_delete",
            ],
            json_values | st.dictionaries(names, json_values),
        ),
    )
)
def test_any_document_loads_or_is_invalid(document: dict[str, Any]) -> None:
    try:
        load(document)
    except Invalid as error:
        assert error.errors


@given(documents(), st.dictionaries(names, json_values, max_size=3))
def test_a_record_of_any_collection_is_valid_or_invalid(
    document: dict[str, Any], body: dict[str, Any]
) -> None:
    collection = load(document)
    try:
        values = validate_record(collection, body)
    except Invalid:
        return
    assert validate_record(collection, values) == values


STRUCTURAL: dict[str, Any] = {
    "no name": {},
    "a bad name": {"name": "A"},
    "an unknown key": {"name": "a", "nope": 1},
    "a reserved field": {"name": "a", "fields": {"id": {"type": "text"}}},
    "a bad field name": {"name": "a", "fields": {"A": {"type": "text"}}},
    "no type": {"name": "a", "fields": {"b": {}}},
    "an unknown type": {"name": "a", "fields": {"b": {"type": "varchar"}}},
    "an option of another type": {"name": "a", "fields": {"b": {"type": "bool", "max": 1}}},
    "an option of lists": {"name": "a", "fields": {"b": {"type": "text", "max_items": 1}}},
    "a list of json": {"name": "a", "fields": {"b": {"type": "json", "list": True}}},
    "expiry of a list": {
        "name": "a",
        "fields": {"b": {"type": "datetime", "list": True, "expires": True}},
    },
    "a bound out of range": {"name": "a", "fields": {"b": {"type": "text", "max": 100_001}}},
    "a bound as text": {"name": "a", "fields": {"b": {"type": "number", "max": "1"}}},
    "no choices": {"name": "a", "fields": {"b": {"type": "choice"}}},
    "a choice of numbers": {"name": "a", "fields": {"b": {"type": "choice", "choices": [1]}}},
    "no target": {"name": "a", "fields": {"b": {"type": "relation"}}},
    "an unknown rule": {"name": "a", "rules": {"list": "true"}},
    "a rule as number": {"name": "a", "rules": {"read": 1}},
    "an empty index": {"name": "a", "indexes": [[]]},
    "an index as text": {"name": "a", "indexes": ["created"]},
    "too many indexes": {"name": "a", "indexes": [["created"]] * 9},
    "unique as text": {"name": "a", "unique": ["b"]},
    "an aggregate of nothing": {"name": "a", "aggregates": {"x": {"group": []}}},
    "history as text": {"name": "a", "history": "yes"},
    "other ids": {"name": "a", "ids": "uuid"},
}


@pytest.mark.parametrize("document", STRUCTURAL.values(), ids=STRUCTURAL.keys())
def test_structural_faults_are_refused_by_both(document: Any) -> None:
    assert not VALIDATOR.is_valid(document)
    with pytest.raises(Invalid):
        load(document)


def test_the_published_schema_is_the_one_of_the_code(tmp_path: Path) -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == text(), (
        "run: python -m covey.collections.schema_file docs/reference/collection.schema.json"
    )
    jsonschema.Draft202012Validator.check_schema(json.loads(text()))
    assert main([str(tmp_path / "schema.json")]) == 0
    assert (tmp_path / "schema.json").read_text(encoding="utf-8") == text()
    assert main([]) == 2
