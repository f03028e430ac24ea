from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from covey.collections import dump, load, load_all, restore, state
from covey.collections.model import COVERING_SLOTS, KEYS_ONLY_SLOTS, Epoch, Keep
from covey.collections.naming import RESERVED_FIELDS
from covey.errors import Invalid
from covey.expressions import parse
from covey.expressions.nodes import Name

POSTS: dict[str, Any] = {
    "name": "posts",
    "description": "What people write.",
    "ids": "custom",
    "fields": {
        "title": {"type": "text", "required": True, "max": 200, "pattern": "^[A-Z]"},
        "body": {"type": "text", "description": "In Markdown."},
        "author": {"type": "relation", "to": "users", "on_delete": "cascade", "default": "auth.id"},
        "tags": {"type": "text", "list": True, "max_items": 5, "unique_items": True},
        "status": {"type": "choice", "choices": ["draft", "published"], "default": "draft"},
        "score": {"type": "number", "min": Decimal("-0.5"), "default": Decimal("0.25")},
        "views": {"type": "integer", "default": 0, "write": "false"},
        "secret": {"type": "json", "read": "author == auth.id", "default": {"a": [1]}},
        "ends": {"type": "datetime", "expires": True},
        "day": {"type": "date", "min": "2020-01-01", "default": "now"},
    },
    "rules": {
        "read": 'status == "published" || author == auth.id',
        "create": "auth != null",
        "update": "author == auth.id && old.author == author",
        "delete": "author == auth.id && created > now - duration('1h')",
    },
    "indexes": [["author", "-created"], {"fields": ["status", "-views"], "covering": False}],
    "unique": [["author", "title"]],
    "search": ["title", "tags"],
    "aggregates": {"by_author": {"group": ["author"], "count": True, "sum": ["views"]}},
    "history": True,
    "soft_delete": "30d",
}


def errors(document: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        load(document)
    assert caught.value.code == "invalid_collection"
    return {error.field: error.message for error in caught.value.errors}


def with_fields(**fields: Any) -> dict[str, Any]:
    return {"name": "things", "fields": fields}


def test_a_document_comes_back_as_it_was_written() -> None:
    assert dump(load(POSTS)) == POSTS


def test_a_state_restores_the_very_collection() -> None:
    first = load(POSTS)
    fewer = {name: field for name, field in POSTS["fields"].items() if name not in ("body", "day")}
    second = load(POSTS | {"fields": fewer}, previous=first)
    assert restore(state(first)) == first
    assert restore(state(second)) == second


def test_a_state_keeps_its_order_in_a_store_that_keeps_none() -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: shuffled(value[name]) for name in sorted(value, reverse=True)}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    aggregates = {"b": {"count": True}, "a": {"count": True}}
    first = load(POSTS | {"aggregates": aggregates})
    found = restore(shuffled(state(first)))
    assert found == first
    assert list(found.fields) == list(first.fields)
    assert list(found.aggregates) == ["b", "a"]


@pytest.mark.parametrize(
    ("written", "kept"), [(True, Keep()), (False, None), (None, None), ("90d", Keep(90))]
)
def test_how_long_the_past_is_kept(written: Any, kept: Keep | None) -> None:
    collection = load({"name": "plain", "history": written, "soft_delete": written})
    assert (collection.history, collection.soft_delete) == (kept, kept)
    assert restore(state(collection)) == collection


def test_nothing_is_open_unless_it_is_said() -> None:
    rules = load({"name": "plain"}).rules
    assert (rules.read, rules.create, rules.update, rules.delete) == (None,) * 4


def test_true_and_false_need_no_quotes_in_a_rule() -> None:
    collection = load({"name": "open", "rules": {"read": True, "create": False}})
    assert dump(collection)["rules"] == {"read": "true", "create": "false"}


FAULTS: dict[str, tuple[Any, dict[str, str]]] = {
    "no mapping": ([], {}),
    "no name": ({}, {"name": "must be given"}),
    "a bad name": ({"name": "Posts"}, {"name": "must be of"}),
    "a reserved name": ({"name": "_logs"}, {"name": "must be of"}),
    "a long name": ({"name": "a" * 64}, {"name": "must be of"}),
    "an unknown key": ({"name": "a", "feilds": {}}, {"feilds": "did you mean 'fields'"}),
    "fields that are a list": ({"name": "a", "fields": []}, {"fields": "must be fields by name"}),
    "a field that is text": (with_fields(a="text"), {"fields.a": "must be a mapping"}),
    "a system field": (with_fields(id={"type": "text"}), {"fields.id": "already has"}),
    "a word of rules": (with_fields(auth={"type": "text"}), {"fields.auth": "meaning in rules"}),
    "a field name in capitals": (with_fields(A={"type": "text"}), {"fields.A": "must be a name"}),
    "a field name that is a number": ({"name": "a", "fields": {1: {}}}, {"fields.1": "must be"}),
    "no type": (with_fields(a={}), {"fields.a.type": "must be given"}),
    "a misspelt type": (
        with_fields(a={"typ": "text"}),
        {"fields.a.type": "must be given", "fields.a.typ": "did you mean 'type'"},
    ),
    "an unknown type": (with_fields(a={"type": "txt"}), {"fields.a.type": "did you mean 'text'"}),
    "a type that is a list": (with_fields(a={"type": ["text"]}), {"fields.a.type": "must be a"}),
    "an option of another type": (
        with_fields(a={"type": "bool", "max": 1}),
        {"fields.a.max": "is not known here"},
    ),
    "an option of lists": (
        with_fields(a={"type": "text", "max_items": 1}),
        {"fields.a.max_items": "is not known here"},
    ),
    "a default of a file": (
        with_fields(a={"type": "file", "default": "x"}),
        {"fields.a.default": "is not known here"},
    ),
    "a public file with a rule": (
        with_fields(a={"type": "file", "public": True, "read": "auth != null"}),
        {"fields.a.public": "is not possible with a rule"},
    ),
    "a public file that is hidden": (
        with_fields(a={"type": "file", "public": True, "hidden": True}),
        {"fields.a.public": "is not possible with a rule"},
    ),
    "types that are none": (
        with_fields(a={"type": "file", "types": ["image"], "thumbs": ["9x9999"]}),
        {"fields.a.types": "must hold media types", "fields.a.thumbs": "must hold sizes"},
    ),
    "a list of json": (
        with_fields(a={"type": "json", "list": True}),
        {"fields.a.list": "is not known here"},
    ),
    "a max that is text": (
        with_fields(a={"type": "text", "max": "9"}),
        {"fields.a.max": "must be an integer"},
    ),
    "a max that is true": (
        with_fields(a={"type": "text", "max": True}),
        {"fields.a.max": "must be an integer"},
    ),
    "a max without end": (
        with_fields(a={"type": "text", "max": Decimal("1E+999999")}),
        {"fields.a.max": "must be an integer"},
    ),
    "bounds the wrong way": (
        with_fields(a={"type": "integer", "min": 2, "max": 1}),
        {"fields.a": "min must not be above max"},
    ),
    "item bounds the wrong way": (
        with_fields(a={"type": "text", "list": True, "min_items": 2, "max_items": 1}),
        {"fields.a": "min_items must not be above max_items"},
    ),
    "a risky pattern": (
        with_fields(a={"type": "text", "pattern": "(a)\\1"}),
        {"fields.a.pattern": "escape \\1"},
    ),
    "a pattern on long text": (
        with_fields(a={"type": "text", "pattern": "a", "max": 10_001}),
        {"fields.a": "at most 10000"},
    ),
    "no choices": (with_fields(a={"type": "choice"}), {"fields.a.choices": "must be given"}),
    "a choice that is no text": (
        with_fields(a={"type": "choice", "choices": [True]}),
        {"fields.a.choices": "in quotes"},
    ),
    "a choice twice": (
        with_fields(a={"type": "choice", "choices": ["a", "a"]}),
        {"fields.a.choices": "twice"},
    ),
    "no collection to relate to": (
        with_fields(a={"type": "relation"}),
        {"fields.a.to": "must be given"},
    ),
    "an unknown on_delete": (
        with_fields(a={"type": "relation", "to": "b", "on_delete": "keep"}),
        {"fields.a.on_delete": "must be one of"},
    ),
    "two expiries": (
        with_fields(
            a={"type": "datetime", "expires": True}, b={"type": "datetime", "expires": True}
        ),
        {"fields.b.expires": "is already said of a"},
    ),
    "an expiry that is no datetime": (
        with_fields(a={"type": "date", "expires": True}),
        {"fields.a.expires": "is not known here"},
    ),
    "a default of another type": (
        with_fields(a={"type": "integer", "default": "0"}),
        {"fields.a.default": "must be a number"},
    ),
    "a default beyond its bounds": (
        with_fields(a={"type": "text", "max": 2, "default": "abc"}),
        {"fields.a.default": "at most 2 characters"},
    ),
    "now in a number": (
        with_fields(a={"type": "integer", "default": "now"}),
        {"fields.a.default": "cannot be now"},
    ),
    "uuid in a list": (
        with_fields(a={"type": "text", "list": True, "default": "uuid"}),
        {"fields.a.default": "cannot be uuid"},
    ),
    "a rule with an unknown name": (
        {**with_fields(title={"type": "text"}), "rules": {"read": "titel == 'x'"}},
        {"rules.read": "titel at character 1"},
    ),
    "a rule that is no bool": (
        {**with_fields(title={"type": "text"}), "rules": {"read": "title"}},
        {"rules.read": "bool is needed"},
    ),
    "a rule that is a number": ({"name": "a", "rules": {"read": 1}}, {"rules.read": "expression"}),
    "a rule with a fault": ({"name": "a", "rules": {"read": "auth ="}}, {"rules.read": "use =="}),
    "a rule for nothing": ({"name": "a", "rules": {"list": "true"}}, {"rules.list": "not known"}),
    "a field rule with an unknown name": (
        with_fields(a={"type": "text", "write": "b"}),
        {"fields.a.write": "is no rule"},
    ),
    "an index of nothing": ({"name": "a", "indexes": [[]]}, {"indexes.0": "1 to 4 fields"}),
    "an index as text": ({"name": "a", "indexes": ["b"]}, {"indexes.0": "1 to 4 fields"}),
    "an index of an unknown field": (
        {**with_fields(title={"type": "text"}), "indexes": [["-titel"]]},
        {"indexes.0": "did you mean 'title'"},
    ),
    "an index of a list": (
        {**with_fields(a={"type": "text", "list": True}), "indexes": [["a"]]},
        {"indexes.0": "it is a list"},
    ),
    "an index of json": (
        {**with_fields(a={"type": "json"}), "indexes": [["a"]]},
        {"indexes.0": "it is a json field"},
    ),
    "an index with a field twice": (
        {**with_fields(a={"type": "text"}), "indexes": [["a", "-a"]]},
        {"indexes.0": "twice"},
    ),
    "an index twice": (
        {**with_fields(a={"type": "text"}), "indexes": [["a"], {"fields": ["a"]}]},
        {"indexes.1": "there twice"},
    ),
    "an index by creation": ({"name": "a", "indexes": [["-created"]]}, {"indexes.0": "not needed"}),
    "an index with an unknown key": (
        {**with_fields(a={"type": "text"}), "indexes": [{"fields": ["a"], "cover": True}]},
        {"indexes.0.cover": "did you mean 'covering'"},
    ),
    "an index of numbers": ({"name": "a", "indexes": [[1]]}, {"indexes.0": "no field 1"}),
    "a unique json": (
        {**with_fields(a={"type": "json"}), "unique": [["a"]]},
        {"unique.0": "it is a json field"},
    ),
    "a unique creation": ({"name": "a", "unique": [["created"]]}, {"unique.0": "no field"}),
    "the same claim twice": (
        {
            **with_fields(a={"type": "text"}, b={"type": "text"}),
            "unique": [["a", "b"], ["b", "a"]],
        },
        {"unique.1": "there twice"},
    ),
    "a search in numbers": (
        {**with_fields(a={"type": "integer"}), "search": ["a"]},
        {"search.0": "must be a text field"},
    ),
    "a search of nothing": (
        {**with_fields(a={"type": "text"}), "search": {"fields": []}},
        {"search.fields": "what to search in"},
    ),
    "a search with odd weights": (
        {**with_fields(a={"type": "text"}), "search": {"fields": {"a": 0}}},
        {"search.fields.a": "a weight"},
    ),
    "a search in another language": (
        {**with_fields(a={"type": "text"}), "search": {"fields": ["a"], "language": "elvish"}},
        {"search.language": "english, none"},
    ),
    "a search with more": (
        {**with_fields(a={"type": "text"}), "search": {"fields": ["a"], "stop": 1}},
        {"search.stop": "not known"},
    ),
    "a sum of text": (
        {**with_fields(a={"type": "text"}), "aggregates": {"x": {"sum": ["a"]}}},
        {"aggregates.x.sum": "must be of numbers"},
    ),
    "an aggregate of nothing": (
        {"name": "a", "aggregates": {"x": {}}},
        {"aggregates.x": "count or sum something"},
    ),
    "too many claims": ({"name": "a", "unique": [["b"]] * 11}, {"unique": "at most 10 entries"}),
    "too many fields": (
        with_fields(**{f"f{n}": {"type": "text"} for n in range(201)}),
        {"fields": "at most 200 entries"},
    ),
    "a long description": ({"name": "a", "description": "x" * 1_001}, {"description": "at most"}),
    "a day that is none": (
        with_fields(a={"type": "date", "min": "2023-02-29"}),
        {"fields.a.min": "must be a date"},
    ),
    "an instant without offset": (
        with_fields(a={"type": "datetime", "max": "2026-01-31T00:00:00"}),
        {"fields.a.max": "must be a date-time"},
    ),
    "choices as text": (
        with_fields(a={"type": "choice", "choices": "a, b"}),
        {"fields.a.choices": "must be a list"},
    ),
    "an empty choice": (
        with_fields(a={"type": "choice", "choices": [""]}),
        {"fields.a.choices": "1 to 200 characters"},
    ),
    "a choice that is no character": (
        with_fields(a={"type": "choice", "choices": ["\ud800"]}),
        {"fields.a.choices": "must not hold"},
    ),
    "a relation to no name": (
        with_fields(a={"type": "relation", "to": "Users"}),
        {"fields.a.to": "must be the name of a collection"},
    ),
    "a fraction as bound of integers": (
        with_fields(a={"type": "integer", "min": Decimal("0.5")}),
        {"fields.a.min": "must be an integer"},
    ),
    "a claim of nothing": ({"name": "a", "unique": [[]]}, {"unique.0": "1 to 4 fields"}),
    "a claim with a field twice": (
        {**with_fields(a={"type": "text"}), "unique": [["a", "a"]]},
        {"unique.0": "twice"},
    ),
    "a search twice": (
        {**with_fields(a={"type": "text"}), "search": ["a", "a", "b"]},
        {"search.1": "twice", "search.2": "no field 'b'"},
    ),
    "an aggregate by a list": (
        {
            **with_fields(a={"type": "text", "list": True}),
            "aggregates": {"x": {"group": ["a"], "count": True}, "Y": {"count": True}, "z": 1},
        },
        {"aggregates.x.group": "is a list", "aggregates.Y": "a-z", "aggregates.z": "a mapping"},
    ),
    **{
        f"{key} of {value!r}": (
            {"name": "a", key: value},
            {key: "must be true, false, or days such as 90d, at most 3650d"},
        )
        for key in ("history", "soft_delete")
        for value in ("yes", "0d", "3651d", "090d", "9d\n", "1h", 90, [])
    },
    "ids of another kind": ({"name": "a", "ids": "uuid"}, {"ids": "must be one of auto, custom"}),
}


@pytest.mark.parametrize(("document", "wanted"), FAULTS.values(), ids=FAULTS.keys())
def test_what_a_document_may_not_say(document: Any, wanted: dict[str, str]) -> None:
    found = errors(document)
    assert found.keys() == wanted.keys()
    for path, words in wanted.items():
        assert words in found[path]


def test_every_fault_of_a_document_is_told_at_once() -> None:
    found = errors(
        {
            "name": "things",
            "fields": {"a": {"type": "text", "max": -1}, "b": {"type": "nothing"}},
            "rules": {"read": "a == 'x' && b == 1 && c"},
            "indexes": [["b", "d"]],
        }
    )
    assert set(found) == {"fields.a.max", "fields.b.type", "rules.read", "indexes.0"}
    assert "no c" in found["rules.read"]  # b has a fault of its own, and is not told twice


def test_slots_run_out_by_kind() -> None:
    fields = {f"f{n}": {"type": "text"} for n in range(7)}
    covering = [[name] for name in fields]
    found = errors({"name": "a", "fields": fields, "indexes": covering})
    assert "more than 6 indexes that are covering" in found["indexes"]
    spread = [*covering[:6], {"fields": ["f6"], "covering": False}]
    collection = load({"name": "a", "fields": fields, "indexes": spread})
    assert [index.slot for index in collection.indexes] == [*COVERING_SLOTS, KEYS_ONLY_SLOTS[0]]
    assert [index.covering for index in collection.indexes] == [True] * 6 + [False]


def test_every_field_name_that_is_allowed_reads_as_a_name_in_rules() -> None:
    for name in ("type", "matches", "contains", "exists", "all", "map", "filter", "size_", "int"):
        load(with_fields(**{name: {"type": "text"}}))
        assert parse(name).root == Name((name,))
    assert {"auth", "has", "size", "true", "in", "id", "version"} <= RESERVED_FIELDS


def evolve(first: dict[str, Any], second: dict[str, Any]) -> tuple[Any, Any]:
    before = load({"name": "things", **first})
    return before, load({"name": "things", **second}, previous=before)


def test_a_field_keeps_its_key_and_a_key_is_never_given_again() -> None:
    before, after = evolve(
        {"fields": {"a": {"type": "text"}, "b": {"type": "text"}}},
        {"fields": {"c": {"type": "text"}, "b": {"type": "text"}}},
    )
    assert [field.key for field in before.fields.values()] == ["0", "1"]
    assert {name: field.key for name, field in after.fields.items()} == {"c": "2", "b": "1"}
    again = load({"name": "things", "fields": {"a": {"type": "text"}}}, previous=after)
    assert again.fields["a"].key == "3"


def test_a_renamed_field_keeps_its_key_once() -> None:
    second = {"fields": {"headline": {"type": "text", "was": "title"}}, "indexes": [["headline"]]}
    before, after = evolve({"fields": {"title": {"type": "text"}}, "indexes": [["title"]]}, second)
    assert after.fields["headline"].key == before.fields["title"].key
    assert (after.indexes[0].number, after.indexes[0].slot) == (0, 0)
    assert load({"name": "things", **second}, previous=after) == after


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ({"type": "integer"}, {"type": "number"}, True),
        ({"type": "number"}, {"type": "integer"}, False),
        ({"type": "email"}, {"type": "text"}, True),
        ({"type": "datetime"}, {"type": "text"}, True),
        ({"type": "text"}, {"type": "datetime"}, False),
        ({"type": "text"}, {"type": "text", "list": True}, False),
        ({"type": "bool"}, {"type": "json"}, True),
        ({"type": "json"}, {"type": "bool"}, False),
    ],
)
def test_a_type_changes_in_place_only_where_its_values_stay_good(
    old: Any, new: Any, kept: bool
) -> None:
    before, after = evolve({"fields": {"a": old}}, {"fields": {"a": new}})
    assert (before.fields["a"].key == after.fields["a"].key) is kept


def test_an_index_keeps_number_and_slot_and_a_number_is_never_given_again() -> None:
    fields = {"a": {"type": "text"}, "b": {"type": "text"}}
    before, after = evolve(
        {"fields": fields, "indexes": [["a"], ["b"]]},
        {"fields": fields, "indexes": [["b"], ["a", "b"]]},
    )
    assert [(i.number, i.slot) for i in before.indexes] == [(0, 0), (1, 1)]
    assert [(i.number, i.slot) for i in after.indexes] == [(1, 1), (2, 0)]


def test_an_index_over_a_field_that_lost_its_values_is_another_index() -> None:
    before, after = evolve(
        {"fields": {"a": {"type": "text"}}, "indexes": [["a"]]},
        {"fields": {"a": {"type": "integer"}}, "indexes": [["a"]]},
    )
    assert before.indexes[0].number != after.indexes[0].number


def test_the_version_rises_only_with_a_change() -> None:
    before = load(POSTS)
    assert load(POSTS, previous=before) == before
    assert load(POSTS | {"history": False}, previous=before).version == 2


def test_the_shard_schedule_survives_a_change() -> None:
    from dataclasses import replace

    before = replace(load(POSTS), schedule=(Epoch(0, 1), Epoch(1_000, 4)))
    assert load(POSTS | {"history": False}, previous=before).schedule == before.schedule


def test_collections_are_loaded_together_with_users() -> None:
    loaded = load_all([POSTS])
    assert set(loaded) == {"posts", "users"}
    assert load_all([POSTS], loaded) == loaded


def test_a_relation_leads_to_a_collection_that_is_there() -> None:
    other = {"name": "notes", "fields": {"about": {"type": "relation", "to": "thing"}}}
    with pytest.raises(Invalid) as error:
        load_all([POSTS, other, POSTS])
    assert {one.field: one.code for one in error.value.errors} == {
        "posts": "invalid",
        "notes.fields.about.to": "unknown_collection",
    }
    load_all([other], {"thing": load({"name": "thing"})})


def test_a_field_of_files_is_written_as_it_was_read() -> None:
    written = {"type": "file", "types": ["image/*"], "max_size": 9, "thumbs": ["9x9", "8x8c"]}
    assert dump(load({"name": "a", "fields": {"it": written}}))["fields"]["it"] == written


def test_a_hidden_field_is_one_that_nobody_may_read() -> None:
    hidden = load({"name": "a", "fields": {"pin": {"type": "text", "hidden": True}}})
    assert hidden == load({"name": "a", "fields": {"pin": {"type": "text", "read": "false"}}})
    assert load(dump(hidden)) == hidden
    with pytest.raises(Invalid, match="said already by read"):
        load({"name": "a", "fields": {"pin": {"type": "text", "hidden": True, "read": "true"}}})


def test_a_field_may_say_itself_that_it_is_unique() -> None:
    fields = {"slug": {"type": "text", "unique": True}, "code": {"type": "text"}}
    said = load({"name": "a", "fields": fields, "unique": [["code"]]})
    assert said.unique == (("code",), ("slug",))
    assert load(dump(said)) == said
    twice = load({"name": "a", "fields": fields, "unique": [["slug"]]})
    assert twice.unique == (("slug",),)
    with pytest.raises(Invalid, match="list field"):
        load({"name": "a", "fields": {"tags": {"type": "text", "list": True, "unique": True}}})
    with pytest.raises(Invalid, match="one more than 10"):
        load({"name": "a", "fields": {f"f{n}": fields["slug"] for n in range(11)}})
