"""What the service promises, as behaviours; attacks are in test_attacks.py."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from covey.errors import Conflict, Invalid, NotFound, PreconditionFailed
from covey.identity.principal import GUEST, SYSTEM, Principal
from covey.records.conditions import Conditions
from tests.layers.core.records.world import ADMIN, START, World, refused, uid, user

ANNA, BEN = user("anna"), user("ben")
STAFF = user("sue", "staff")

STAFF_ONLY = "'staff' in auth.roles"
USERS = {
    "name": "users",
    "fields": {"team": {"type": "text"}},
    "rules": {"read": "auth != null"},
}
POSTS = {
    "name": "posts",
    "fields": {
        "title": {"type": "text", "required": True, "max": 40},
        "body": {"type": "text"},
        "author": {"type": "relation", "to": "users", "default": "auth.id"},
        "published": {"type": "bool", "default": False},
        "views": {"type": "integer", "default": 0, "write": "false"},
        "likes": {"type": "integer", "default": 0, "max": 1000},
        "tags": {"type": "text", "list": True},
        "meta": {"type": "json"},
        "until": {"type": "datetime", "expires": True},
        "note": {"type": "text", "read": "author == auth.id"},
        "grade": {
            "type": "text",
            "read": "'staff' in auth.roles",
            "write": "'staff' in auth.roles",
        },
    },
    "rules": {
        "read": "published || author == auth.id || 'staff' in auth.roles",
        "create": "auth != null",
        "update": "author == auth.id || 'staff' in auth.roles",
        "delete": "author == auth.id",
    },
    "indexes": [["published", "-created"]],
    "unique": [["title"]],
}
AIRPORTS = {
    "name": "airports",
    "ids": "custom",
    "fields": {"name": {"type": "text"}, "hub": {"type": "bool", "default": False}},
    "rules": {"read": "true", "create": "auth != null", "update": "auth != null"},
}
NOTES = {"name": "notes", "fields": {"text": {"type": "text"}}}
TEAM = {
    "name": "plans",
    "fields": {"team": {"type": "text"}, "name": {"type": "text"}},
    "rules": {"read": "team == auth.team", "create": "team == auth.team"},
}


@pytest.fixture
def world() -> World:
    world = World(USERS, POSTS, AIRPORTS, NOTES, TEAM)
    for name in ("anna", "ben", "sue"):
        world.add("users", uid(name), email=f"{name}@example.org", team=f"team of {name}")
    return world


@pytest.fixture
def post(world: World) -> str:
    return world.records.create(ANNA, "posts", {"title": "First"}).id


# ---- creating


def test_a_created_record_has_its_defaults_and_a_first_version(world: World) -> None:
    answer = world.records.create(ANNA, "posts", {"title": "Hello"})
    assert answer.created
    assert answer.etag == '"1"'
    assert answer.document["author"] == ANNA.id
    assert answer.document["views"] == 0
    assert answer.document["created"] == "2027-01-15T08:00:00.000Z"
    assert answer.document["version"] == 1
    assert world.kept("posts", answer.id).values["title"] == "Hello"


def test_every_bad_field_is_named_and_nothing_is_written(world: World) -> None:
    body = {"title": "x" * 41, "published": "yes", "colour": "red", "version": 7}
    with pytest.raises(Invalid) as caught:
        world.records.create(ANNA, "posts", body)
    assert {fault.field for fault in caught.value.errors} == {
        "title", "published", "colour", "version",
    }  # fmt: skip
    assert world.store.writes == 0


def test_ids_are_given_only_where_the_collection_says_so(world: World) -> None:
    assert world.records.create(ANNA, "airports", {"id": "JFK", "name": "Kennedy"}).id == "JFK"
    made = world.records.create(ANNA, "airports", {"name": "Somewhere"})
    assert len(made.id) == 20
    with pytest.raises(Invalid) as caught:
        world.records.create(ANNA, "posts", {"id": "mine", "title": "Hello"})
    assert "`ids: custom`" in caught.value.detail


@pytest.mark.parametrize(
    "bad", ["", "a/b", "..", ".a", "a" * 129, "é", "a b", "a\n", 7, None, ["a"]]
)
def test_an_id_that_no_path_could_name_is_refused(world: World, bad: Any) -> None:
    with pytest.raises(Invalid):
        world.records.create(ANNA, "airports", {"id": bad})
    assert world.store.writes == 0


def test_an_id_in_use_is_a_conflict(world: World) -> None:
    world.records.create(ANNA, "airports", {"id": "JFK"})
    assert refused(lambda: world.records.create(BEN, "airports", {"id": "JFK"}))[:2] == (
        409,
        "exists",
    )


def test_a_taken_unique_value_names_its_field(world: World, post: str) -> None:
    with pytest.raises(Conflict) as caught:
        world.records.create(BEN, "posts", {"title": "First"})
    assert caught.value.code == "unique_violation"
    assert [fault.field for fault in caught.value.errors] == ["title"]


def test_the_expiry_of_a_record_follows_its_field(world: World) -> None:
    made = world.records.create(ANNA, "posts", {"title": "a", "until": "2027-01-15T08:00:01.500Z"})
    assert world.kept("posts", made.id).expires == START // 1000 + 2
    world.records.update(ANNA, "posts", made.id, {"until": None})
    assert world.kept("posts", made.id).expires is None


# ---- who may

NO_CUSTOM_IDS = "custom_ids_not_allowed"
REFUSALS: dict[str, tuple[Principal, str, str, tuple[int, str]]] = {
    # caller, collection, method, then status and code
    "a guest creates where users may": (GUEST, "posts", "create", (401, "unauthenticated")),
    "a guest reads a private record": (GUEST, "posts", "get", (404, "not_found")),
    "a guest updates": (GUEST, "posts", "update", (401, "unauthenticated")),
    "a guest deletes": (GUEST, "posts", "delete", (401, "unauthenticated")),
    "another user reads a private record": (BEN, "posts", "get", (404, "not_found")),
    "another user updates a private record": (BEN, "posts", "update", (404, "not_found")),
    "another user deletes a private record": (BEN, "posts", "delete", (404, "not_found")),
    "another user replaces a private record": (BEN, "posts", "replace", (422, NO_CUSTOM_IDS)),
    "staff deletes what only its author may": (STAFF, "posts", "delete", (403, "rule_denied")),
    "a user reads of administrators": (ANNA, "notes", "get", (404, "not_found")),
    "a user creates for administrators": (ANNA, "notes", "create", (404, "not_found")),
    "a guest lists for administrators": (GUEST, "notes", "list", (404, "not_found")),
    "a user lists for administrators": (ANNA, "notes", "list", (404, "not_found")),
    "a guest lists where only users may": (GUEST, "users", "list", (401, "unauthenticated")),
    "a collection that is not there": (ANNA, "nothing", "list", (404, "not_found")),
    "a user creates in read-only": (ANNA, "users", "create", (403, "rule_denied")),
}  # fmt: skip


def _call(world: World, who: Principal, collection: str, method: str, record_id: str) -> Any:
    records = world.records
    match method:
        case "create":
            return records.create(who, collection, {"title": "x"})
        case "list":
            return records.list(who, collection)
        case "get":
            return records.get(who, collection, record_id)
        case "update":
            return records.update(who, collection, record_id, {"title": "x"})
        case "replace":
            return records.replace(who, collection, record_id, {"title": "x"})
        case _:
            return records.delete(who, collection, record_id)


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_rule_refuses(
    world: World, post: str, case: tuple[Principal, str, str, tuple[int, str]]
) -> None:
    who, collection, method, expected = case
    before = dict(world.all("posts")), world.store.writes
    assert refused(lambda: _call(world, who, collection, method, post))[:2] == expected
    assert (dict(world.all("posts")), world.store.writes) == before


def test_an_administrator_bypasses_rules_but_not_validation(world: World, post: str) -> None:
    world.records.update(ADMIN, "posts", post, {"views": 7, "grade": "A"})
    assert world.records.get(ADMIN, "posts", post).document["grade"] == "A"
    assert refused(lambda: world.records.update(ADMIN, "posts", post, {"views": "x"}))[0] == 422
    assert refused(lambda: world.records.update(ADMIN, "posts", post, {"version": 9}))[0] == 422
    assert (
        refused(lambda: world.records.update(ADMIN, "posts", post, {"author": uid("gone")}))[0]
        == 422
    )


def test_a_list_holds_what_the_caller_may_see_and_nothing_else(world: World, post: str) -> None:
    other = world.records.create(BEN, "posts", {"title": "Second", "published": True}).id
    assert {item["id"] for item in world.records.list(ANNA, "posts").items} == {post, other}
    assert {item["id"] for item in world.records.list(BEN, "posts").items} == {other}
    assert {item["id"] for item in world.records.list(GUEST, "posts").items} == {other}


def test_an_update_must_hold_before_and_after(world: World, post: str) -> None:
    gave_away = refused(lambda: world.records.update(ANNA, "posts", post, {"author": uid("ben")}))
    assert gave_away[:2] == (403, "rule_denied")
    world.records.update(ANNA, "posts", post, {"published": True})
    took = refused(lambda: world.records.update(BEN, "posts", post, {"author": uid("ben")}))
    assert took[:2] == (403, "rule_denied")
    assert world.kept("posts", post).values["author"] == ANNA.id


def test_rules_read_the_callers_own_record_once_and_only_if_needed(world: World) -> None:
    for name in ("a", "b", "c"):
        world.add("plans", team="team of anna", name=name)
    world.add("plans", team="team of ben", name="d")
    world.store.reads.clear()
    assert len(world.records.list(ANNA, "plans").items) == 3
    assert world.store.reads == [("users", (ANNA.id,))]
    world.store.reads.clear()
    world.records.list(ANNA, "posts")
    assert world.store.reads == []


def test_a_writer_who_may_not_read_the_result_gets_its_system_fields(world: World) -> None:
    world = World(
        {
            "name": "messages",
            "fields": {"text": {"type": "text"}},
            "rules": {"create": "true", "read": "false"},
        }
    )
    answer = world.records.create(GUEST, "messages", {"text": "hello"})
    assert set(answer.document) == {"id", "created", "updated", "version"}


# ---- patching


def test_a_patch_merges_and_raises_the_version(world: World, post: str) -> None:
    world.now += 5
    patch = {"body": "text", "meta": {"a": {"b": 1, "c": 2}}}
    assert world.records.update(ANNA, "posts", post, patch).etag == '"2"'
    answer = world.records.update(ANNA, "posts", post, {"meta": {"a": {"b": None}}, "body": None})
    assert answer.document["meta"] == {"a": {"c": 2}}
    assert "body" not in answer.document
    assert answer.document["title"] == "First"
    assert answer.document["updated"] > answer.document["created"]


@pytest.mark.parametrize(
    "patch", [{}, {"title": "First"}, {"body": None}, {"tags": {"$remove": []}}]
)
def test_a_patch_that_changes_nothing_writes_nothing(
    world: World, post: str, patch: dict[str, Any]
) -> None:
    world.records.update(ANNA, "posts", post, {"tags": []})
    writes, version = world.store.writes, world.kept("posts", post).version
    answer = world.records.update(ANNA, "posts", post, patch)
    assert answer.document["title"] == "First"
    assert (world.store.writes, answer.document["version"]) == (writes, version)


def test_what_was_read_may_be_sent_back(world: World, post: str) -> None:
    document = world.records.get(ANNA, "posts", post).document
    answer = world.records.replace(ANNA, "posts", post, {**document, "body": "new"})
    assert answer.document["body"] == "new"
    patched = world.records.update(ANNA, "posts", post, {**answer.document, "body": "newer"})
    assert patched.document["version"] == 3


def test_a_patch_that_others_overtake_is_applied_to_what_they_wrote(
    world: World, post: str
) -> None:
    def overtake() -> None:
        world.records.update(BEN_STAFF, "posts", post, {"likes": {"$inc": 10}})

    world.store.before_write = overtake
    answer = world.records.update(ANNA, "posts", post, {"likes": {"$inc": 1}})
    assert answer.document["likes"] == 11
    assert answer.document["version"] == 3
    assert len(world.pauses) == 1


BEN_STAFF = user("ben", "staff")


def test_a_patch_with_if_match_is_not_repeated_on_another_version(world: World, post: str) -> None:
    def overtake() -> None:
        world.records.update(BEN_STAFF, "posts", post, {"body": "theirs"})

    world.store.before_write = overtake
    with pytest.raises(PreconditionFailed):
        world.records.update(
            ANNA, "posts", post, {"body": "mine"}, conditions=Conditions.parse('"1"', None)
        )
    assert world.kept("posts", post).values["body"] == "theirs"


def test_a_record_that_never_rests_is_a_conflict(world: World, post: str) -> None:
    def overtake() -> None:
        record = world.kept("posts", post)
        world.keep("posts", replace(record, version=record.version + 1))
        world.store.before_write = overtake

    world.store.before_write = overtake
    with pytest.raises(Conflict) as caught:
        world.records.update(ANNA, "posts", post, {"body": "mine"})
    assert caught.value.code == "conflict"
    assert sum(world.pauses) < 2


def test_a_record_deleted_meanwhile_is_not_found(world: World, post: str) -> None:
    world.store.before_write = lambda: world.records.delete(ADMIN, "posts", post)
    with pytest.raises(NotFound):
        world.records.update(ANNA, "posts", post, {"body": "mine"})


def test_an_increment_beyond_the_bounds_is_refused(world: World, post: str) -> None:
    with pytest.raises(Invalid) as caught:
        world.records.update(ANNA, "posts", post, {"likes": {"$inc": 1001}})
    assert caught.value.errors[0].field == "likes"


def test_no_increment_of_many_writers_is_lost(world: World, post: str) -> None:
    def count() -> None:
        for _ in range(20):
            world.records.update(ADMIN, "posts", post, {"views": {"$inc": 1}})

    world.records._pause = time.sleep
    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.kept("posts", post).values["views"] == 80
    assert world.kept("posts", post).version == 81


# ---- replacing


def test_a_replacement_drops_what_it_leaves_out_and_keeps_what_is_not_the_callers(
    world: World, post: str
) -> None:
    world.records.update(ADMIN, "posts", post, {"views": 7, "grade": "A", "body": "x", "likes": 5})
    answer = world.records.replace(ANNA, "posts", post, {"title": "New"})
    kept = world.kept("posts", post).values
    assert "body" not in kept
    assert kept["likes"] == 0
    assert (kept["views"], kept["grade"]) == (7, "A")
    assert answer.document["version"] == 3
    assert not answer.created


def test_a_replacement_creates_where_ids_are_custom(world: World) -> None:
    made = world.records.replace(ANNA, "airports", "LGA", {"name": "La Guardia"})
    assert made.created
    assert (made.id, made.document["hub"]) == ("LGA", False)
    again = world.records.replace(ANNA, "airports", "LGA", {"id": "LGA", "name": "LaGuardia"})
    assert not again.created
    assert again.document["version"] == 2
    wrong = refused(lambda: world.records.replace(ANNA, "airports", "EWR", {"id": "LGA"}))
    assert wrong[0] == 422


def test_a_replacement_of_nothing_in_a_collection_of_made_ids_says_how(world: World) -> None:
    missing = world.store.new_id(world.catalog.get("posts"))
    status, code, detail = refused(
        lambda: world.records.replace(ANNA, "posts", missing, {"title": "x"})
    )
    assert (status, code) == (422, "custom_ids_not_allowed")
    assert "`ids: custom`" in detail


def test_put_with_conditions_creates_only_or_replaces_only(world: World) -> None:
    only_new, only_there = Conditions.parse(None, "*"), Conditions.parse("*", None)

    def put(conditions: Conditions) -> Any:
        return world.records.replace(ANNA, "airports", "JFK", {}, conditions=conditions)

    assert refused(lambda: put(only_there))[0] == 412
    assert put(only_new).created
    assert refused(lambda: put(only_new))[0] == 412
    assert not put(only_there).created


def test_put_that_is_overtaken_replaces_unless_it_must_create(world: World) -> None:
    def overtake() -> None:
        world.records.replace(BEN, "airports", "JFK", {"name": "theirs"})

    world.store.before_write = overtake
    answer = world.records.replace(ANNA, "airports", "JFK", {"name": "mine"})
    assert (answer.document["name"], answer.document["version"]) == ("mine", 2)
    del world.all("airports")["JFK"]
    world.store.before_write = overtake
    only_new = Conditions.parse(None, "*")
    with pytest.raises(PreconditionFailed):
        world.records.replace(ANNA, "airports", "JFK", {}, conditions=only_new)


# ---- deleting, expiring


def test_a_delete_holds_to_its_condition(world: World, post: str) -> None:
    with pytest.raises(PreconditionFailed):
        world.records.delete(ANNA, "posts", post, conditions=Conditions.parse('"2"', None))
    world.records.delete(ANNA, "posts", post, conditions=Conditions.parse('"1"', None))
    with pytest.raises(NotFound):
        world.records.delete(ANNA, "posts", post)


def test_an_expired_record_is_gone_before_it_is_swept(world: World) -> None:
    made = world.add("airports", "OLD", _expires=START // 1000 + 10)
    assert world.records.get(ANNA, "airports", made).id == "OLD"
    assert not world.records.expire("airports", made)
    world.now += 10_000
    assert refused(lambda: world.records.get(ANNA, "airports", made))[0] == 404
    assert refused(lambda: world.records.get(ADMIN, "airports", made))[0] == 404
    assert refused(lambda: world.records.update(ANNA, "airports", made, {"name": "x"}))[0] == 404
    assert world.records.list(ANNA, "airports").items == ()
    assert world.records.get(SYSTEM, "airports", made).id == "OLD"
    assert world.records.expire("airports", made)
    assert not world.records.expire("airports", made)


# ---- showing


def test_a_read_with_the_held_version_is_unchanged(world: World) -> None:
    world.add("airports", "JFK", name="Kennedy")
    held = Conditions.parse(None, '"1"')
    assert world.records.get(ANNA, "airports", "JFK", conditions=held).unchanged


def test_where_field_rules_show_more_or_less_a_read_is_never_unchanged(
    world: World, post: str
) -> None:
    held = Conditions.parse(None, '"1"')
    assert not world.records.get(ANNA, "posts", post, conditions=held).unchanged


def test_fields_picks_and_always_has_the_id(world: World, post: str) -> None:
    shown = world.records.get(ANNA, "posts", post, parameters={"fields": "title,version"})
    assert shown.document == {"id": post, "title": "First", "version": 1}
    listed = world.records.list(ANNA, "posts", {"fields": "title"})
    assert listed.items == ({"id": post, "title": "First"},)


def test_expand_adds_targets_in_one_batch(world: World, post: str) -> None:
    world.records.create(BEN, "posts", {"title": "Second", "published": True})
    world.records.create(ANNA, "posts", {"title": "Third"})
    world.store.reads.clear()
    listed = world.records.list(ANNA, "posts", {"expand": "author", "fields": "title"})
    assert {item["title"]: item["expand"]["author"]["id"] for item in listed.items} == {
        "First": ANNA.id,
        "Second": BEN.id,
        "Third": ANNA.id,
    }
    assert [sorted(ids) for name, ids in world.store.reads if name == "users"] == [
        [ANNA.id, BEN.id]
    ]


def test_expand_shows_targets_as_their_own_rules_do(world: World) -> None:
    world.add("posts", author=uid("ben"), title="x", published=True)
    (item,) = world.records.list(ANNA, "posts", {"expand": "author"}).items
    assert item["expand"]["author"]["team"] == "team of ben"
    assert "email" not in item["expand"]["author"]
    (item,) = world.records.list(GUEST, "posts", {"expand": "author"}).items
    assert item["expand"] == {"author": None}


def test_expand_of_a_target_that_is_gone_is_null(world: World) -> None:
    made = world.add("posts", author=uid("nobody"), title="x", published=True)
    shown = world.records.get(GUEST, "posts", made, parameters={"expand": "author"})
    assert shown.document["expand"] == {"author": None}


# ---- relations


def test_a_relation_must_point_to_a_record(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        world.records.create(ADMIN, "posts", {"title": "x", "author": uid("nobody")})
    assert [(each.field, each.code) for each in caught.value.errors] == [
        ("author", "relation_not_found")
    ]
    assert world.store.writes == 0


def test_a_target_that_the_batch_does_not_see_yet_is_asked_for_again(world: World) -> None:
    world.store.stale.add(BEN.id)
    world.records.create(STAFF, "posts", {"title": "x", "author": uid("ben")})


def test_targets_are_not_asked_about_again_when_they_stay(world: World, post: str) -> None:
    world.add("posts", post, author=uid("gone"), title="x")
    world.records.update(STAFF, "posts", post, {"title": "y"})
    assert world.kept("posts", post).values["title"] == "y"


def test_explain_shows_the_plan_of_the_bound_query(world: World) -> None:
    plan = world.records.explain(STAFF, "posts", {"filter": "title == 'x'", "explain": "true"})
    assert "title" in str(plan)
