"""A record by its unique values: made or changed, as whichever the caller may, by one writer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from covey.collections import Catalog, load
from covey.errors import CoveyError
from covey.identity.principal import GUEST
from covey.records.batch import Batches, Done, Failed
from covey.records.operations import parse_batch
from covey.records.service import Records
from covey.store.records import DynamoRecordStore
from covey.store.transport import transport
from covey.testing.catalog import MemoryCatalogStore
from tests.layers.core.records.world import ADMIN, World, refused, user

ANNA, BEN = user("anna"), user("ben")

DAYS = {
    "name": "days",
    "fields": {
        "day": {"type": "date", "required": True},
        "kind": {"type": "text", "default": "all"},
        "hits": {"type": "integer", "default": 5},
        "tags": {"type": "text", "list": True},
        "meta": {"type": "json"},
        "owner": {"type": "text", "default": "auth.id", "write": "false"},
        "note": {"type": "text"},
        "score": {"type": "integer", "write": "false"},
        "code": {"type": "text", "read": "'staff' in auth.roles"},
        "hidden": {"type": "bool", "default": False},
    },
    "rules": {
        "read": "!hidden",
        "create": "auth != null && note != 'no'",
        "update": "owner == auth.id",
    },
    "unique": [["day", "kind"], ["note"], ["code"]],
}
NAMED = {
    "name": "named",
    "ids": "custom",
    "fields": {"key": {"type": "text"}, "value": {"type": "integer"}},
    "rules": {"read": "true", "create": "auth != null", "update": "auth != null"},
    "unique": [["key"]],
}


@pytest.fixture
def world() -> World:
    return World({"name": "users", "rules": {"read": "true"}}, DAYS, NAMED)


BY = ("day", "kind")


def test_the_first_makes_a_record_and_the_next_changes_it(world: World) -> None:
    body = {"day": "2026-01-31", "hits": {"$inc": 2}, "tags": {"$append": ["a"]}}
    first = world.records.upsert(ANNA, "days", BY, body)
    assert first.created
    assert (first.document["hits"], first.document["tags"]) == (2, ["a"])
    assert first.document["kind"] == "all"  # a default counts where the body leaves it out
    second = world.records.upsert(ANNA, "days", ("kind", "day"), {**body, "kind": "all"})
    assert not second.created
    assert (second.id, second.document["version"]) == (first.id, 2)
    assert (second.document["hits"], second.document["tags"]) == (4, ["a", "a"])
    third = world.records.upsert(ANNA, "days", BY, {"day": "2026-01-31", "tags": None})
    assert "tags" not in third.document
    assert world.records.upsert(ANNA, "days", BY, {"day": "2026-02-01"}).created


def test_the_same_again_writes_nothing(world: World) -> None:
    body = {"day": "2026-01-31", "hits": 1}
    first = world.records.upsert(ANNA, "days", BY, body)
    assert world.records.upsert(ANNA, "days", BY, body).etag == first.etag
    assert world.store.writes == 1


def test_it_is_authorised_as_what_it_comes_to(world: World) -> None:
    records = world.records
    records.upsert(ANNA, "days", BY, {"day": "2026-01-31"})
    assert refused(lambda: records.upsert(BEN, "days", BY, {"day": "2026-01-31", "hits": 9}))[
        :2
    ] == (
        403,
        "rule_denied",
    )
    assert refused(lambda: records.upsert(BEN, "days", BY, {"day": "2026-02-01", "note": "no"}))[
        :2
    ] == (403, "rule_denied")
    assert refused(lambda: records.upsert(GUEST, "days", BY, {"day": "2026-02-01"}))[0] == 401
    denied = {"day": "2026-01-31", "score": 1}
    assert refused(lambda: records.upsert(ANNA, "days", BY, denied))[1] == "field_write_denied"
    assert world.store.writes == 1


def test_a_hidden_record_answers_as_a_taken_value(world: World) -> None:
    hidden = world.records.create(ADMIN, "days", {"day": "2026-01-31", "hidden": True})
    answer = refused(lambda: world.records.upsert(ANNA, "days", BY, {"day": "2026-01-31"}))
    assert answer[:2] == (409, "unique_violation")
    assert world.kept("days", hidden.id).version == 1
    assert world.pauses == []


@pytest.mark.parametrize(
    ("by", "words"),
    [
        (("day",), "Add under unique in days.yaml:\n  - [day]"),
        (("code",), "there is no field 'code'"),  # else it would tell whose code this is
        (("cide",), "there is no field 'cide'"),
        (("id",), "there is no field 'id'"),
        ((), "not unique"),
    ],
)
def test_only_a_unique_tuple_that_the_caller_reads_finds_records(
    world: World, by: tuple[str, ...], words: str
) -> None:
    body = {"day": "2026-01-31", "code": "x"}
    status, code, detail = refused(lambda: world.records.upsert(ANNA, "days", by, body))
    assert (status, code) == (400, "invalid_on_conflict")
    assert words in detail


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "day"), ({"day": None}, "day"), ({"day": "no"}, "day"), ({"day": {"$inc": 1}}, "day")],
)
def test_the_values_must_be_there(world: World, body: dict[str, Any], field: str) -> None:
    with pytest.raises(CoveyError) as caught:
        world.records.upsert(ANNA, "days", BY, body)
    assert caught.value.status == 422
    assert [fault.field for fault in caught.value.errors] == [field]


def test_every_fault_of_a_new_record_is_told(world: World) -> None:
    body = {"day": "2026-01-31", "hits": {"$append": 1}, "tags": {"$inc": 1}}
    with pytest.raises(CoveyError) as caught:
        world.records.upsert(ANNA, "days", BY, body)
    assert {fault.code for fault in caught.value.errors} == {"invalid_operator"}
    assert {fault.field for fault in caught.value.errors} == {"hits", "tags"}
    with pytest.raises(CoveyError) as caught:
        world.records.upsert(ANNA, "days", BY, {"day": "2026-01-31", "hits": "x", "nope": 1})
    assert {fault.field for fault in caught.value.errors} == {"hits", "nope"}


def test_another_unique_value_that_is_taken_is_told(world: World) -> None:
    world.records.create(ANNA, "days", {"day": "2026-01-01", "note": "n"})
    body = {"day": "2026-01-31", "note": "n"}
    assert refused(lambda: world.records.upsert(ANNA, "days", BY, body))[1] == "unique_violation"
    assert world.pauses == []


def test_one_made_in_between_is_changed(world: World) -> None:
    def come_first() -> None:
        world.records.create(ANNA, "days", {"day": "2026-01-31", "hits": 40})

    world.store.before_write = come_first
    made = world.records.upsert(ANNA, "days", BY, {"day": "2026-01-31", "hits": {"$inc": 2}})
    assert (made.created, made.document["hits"]) == (False, 42)


def test_one_removed_in_between_is_made_anew(world: World) -> None:
    first = world.records.upsert(ANNA, "days", BY, {"day": "2026-01-31"})
    world.store.before_write = lambda: world.records.delete(ADMIN, "days", first.id)
    made = world.records.upsert(ANNA, "days", BY, {"day": "2026-01-31", "hits": {"$inc": 2}})
    assert (made.created, made.document["hits"]) == (True, 2)
    assert len(world.all("days")) == 1


def test_an_id_may_be_given_to_what_is_made(world: World) -> None:
    made = world.records.upsert(ANNA, "named", ("key",), {"id": "one", "key": "k", "value": 1})
    assert made.id == "one"
    again = {"id": "one", "key": "k", "value": 2}
    assert world.records.upsert(ANNA, "named", ("key",), again).document["value"] == 2
    other = {"id": "two", "key": "k", "value": 3}
    assert refused(lambda: world.records.upsert(ANNA, "named", ("key",), other))[0] == 422


def batch(world: World, *operations: dict[str, Any], atomic: bool = True) -> list[Any]:
    asked = parse_batch({"atomic": atomic, "operations": list(operations)})
    batches = Batches(world.records, world.store, world.catalog)
    do = batches.atomic if atomic else batches.each
    return list(do(ANNA, asked.operations, request={}))


def upsert(day: str, **values: Any) -> dict[str, Any]:
    body = {"day": day, **values}
    return {"method": "upsert", "collection": "days", "by": list(BY), "body": body}


@pytest.mark.parametrize("atomic", [True, False])
def test_a_batch_makes_some_and_changes_others(world: World, atomic: bool) -> None:
    there = world.records.create(ANNA, "days", {"day": "2026-01-01", "hits": 1})
    done = batch(
        world,
        upsert("2026-01-01", hits={"$inc": 1}),
        upsert("2026-01-02", hits={"$inc": 1}),
        atomic=atomic,
    )
    assert [one.answer.created for one in done] == [False, True]
    assert [one.answer.document["hits"] for one in done] == [2, 1]
    assert done[0].answer.id == there.id


def test_two_of_one_value_are_one_record_in_a_batch(world: World) -> None:
    twice = (upsert("2026-01-01", hits={"$inc": 1}), upsert("2026-01-01", hits={"$inc": 1}))
    status, code, detail = refused(lambda: batch(world, *twice))
    assert (status, code) == (400, "invalid_batch")
    assert detail.startswith("Operation 1:")
    assert world.all("days") == {}
    done = batch(world, *twice, atomic=False)
    assert [one.answer.created for one in done] == [True, False]
    assert len(world.all("days")) == 1


def test_a_batch_may_free_a_value_and_make_it_anew(world: World) -> None:
    there = world.records.create(ADMIN, "days", {"day": "2026-01-01"})
    asked = parse_batch(
        {
            "operations": [
                {"method": "delete", "collection": "days", "id": there.id},
                upsert("2026-01-01"),
            ]
        }
    )
    batches = Batches(world.records, world.store, world.catalog)
    done = batches.atomic(ADMIN, asked.operations, request={})
    assert done[1].answer is not None
    assert done[1].answer.created
    assert list(world.all("days")) == [done[1].answer.id]


@pytest.mark.parametrize(
    "stated",
    [
        {"method": "upsert", "collection": "days", "body": {}},
        {"method": "upsert", "collection": "days", "body": {}, "by": []},
        {"method": "upsert", "collection": "days", "body": {}, "by": [1]},
        {"method": "upsert", "collection": "days", "body": {}, "by": "day"},
        {"method": "upsert", "collection": "days", "body": {}, "by": ["day"], "id": "x"},
        {"method": "create", "collection": "days", "body": {}, "by": ["day"]},
    ],
)
def test_a_malformed_upsert_is_refused(world: World, stated: dict[str, Any]) -> None:
    assert refused(lambda: batch(world, stated))[:2] == (400, "invalid_batch")


@pytest.fixture
def stored(table: str) -> Records:
    users = {"name": "users", "rules": {"read": "true"}}
    catalog = Catalog(MemoryCatalogStore([load(document) for document in (users, DAYS)]))
    return Records(DynamoRecordStore(transport(), table), catalog)


@pytest.mark.parametrize("atomic", [None, True, False], ids=["alone", "atomic", "each"])
def test_twenty_writers_of_one_value_leave_one_record_and_lose_nothing(
    stored: Records, atomic: bool | None
) -> None:
    begin = threading.Barrier(20)
    batches = Batches(stored, stored._store, stored._catalog)

    def write(number: int) -> bool:
        begin.wait()
        body = {"day": "2026-01-31", "hits": {"$inc": 1}, "tags": {"$append": [str(number)]}}
        if atomic is None:
            return stored.upsert(ANNA, "days", BY, body).created
        operation = {"method": "upsert", "collection": "days", "by": list(BY), "body": body}
        asked = parse_batch({"atomic": atomic, "operations": [operation]})
        do = batches.atomic if atomic else batches.each
        (done,) = do(ANNA, asked.operations, request={})
        assert not isinstance(done, Failed), done.error
        assert isinstance(done, Done)
        assert done.answer is not None
        return done.answer.created

    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(write, range(20)))
    assert made.count(True) == 1
    (record,) = stored.list(ANNA, "days").items
    assert record["hits"] == 20
    assert sorted(map(int, record["tags"])) == list(range(20))
