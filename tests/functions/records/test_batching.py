"""/batch over the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from covey.collections.document import load
from covey.errors import Unavailable
from covey.store.records import DynamoRecordStore
from covey.wiring import services

ACCOUNTS = {
    "name": "accounts",
    "ids": "custom",
    "fields": {"owner": {"type": "text"}, "balance": {"type": "integer", "min": 0}},
    "rules": {"read": "true", "create": "true", "update": "true", "delete": "true"},
}
AUTHORS = {
    "name": "authors",
    "fields": {"name": {"type": "text", "required": True}},
    "rules": {"read": "true", "create": "auth != null"},
}
BOOKS = {
    "name": "books",
    "fields": {
        "title": {"type": "text"},
        "author": {"type": "relation", "to": "authors"},
        "others": {"type": "relation", "to": "authors", "list": True},
        "extra": {"type": "json", "max": 350_000},
        "more": {"type": "json", "max": 350_000},
    },
    "rules": {"read": "true", "create": "auth != null", "update": "auth != null"},
}
GUARDED = {
    "name": "guarded",
    "ids": "custom",
    "fields": {"text": {"type": "text"}},
    "rules": {
        "read": "true",
        "create": "request.method == 'POST'",
        "update": "request.method == 'PATCH'",
        "delete": "request.method == 'DELETE'",
    },
}


@pytest.fixture
def api(api: Any) -> Iterator[Any]:
    for document in (ACCOUNTS, AUTHORS, BOOKS, GUARDED):
        services().catalog.save(load(document))
    yield api


@pytest.fixture
def ada(api: Any) -> str:
    return str(api.token("ada"))


def batch(api: Any, token: str | None, *operations: Any, atomic: Any = True, **more: Any) -> Any:
    body = {"atomic": atomic, "operations": list(operations)}
    return api("POST", "/batch", body=body, token=token, **more)


def create(collection: str, **body: Any) -> dict[str, Any]:
    return {"method": "create", "collection": collection, "body": body}


def update(collection: str, id: str, /, **body: Any) -> dict[str, Any]:
    return {"method": "update", "collection": collection, "id": id, "body": body}


def delete(collection: str, id: str, /, **more: Any) -> dict[str, Any]:
    return {"method": "delete", "collection": collection, "id": id, **more}


def everything() -> list[str]:
    table = services().settings.table_name
    items = services().transport.call("Scan", {"TableName": table})["Items"]
    return sorted(json.dumps(item, sort_keys=True) for item in items)


@pytest.mark.parametrize("atomic", [True, False])
def test_each_operation_answers_as_its_own_request_would(api: Any, ada: str, atomic: bool) -> None:
    api("PUT", "/records/accounts/a", body={"balance": 1})
    api("PUT", "/records/accounts/b", body={"balance": 2})
    api("PUT", "/records/accounts/c", body={"balance": 3})
    put = {"method": "replace", "collection": "accounts", "body": {"balance": 9}}
    answer = batch(
        api,
        ada,
        create("posts", title="new", price=1.5),
        {**update("accounts", "a", balance={"$inc": 1}), "if_match": '"1"'},
        {**put, "id": "b"},
        {**put, "id": "d"},
        delete("accounts", "c"),
        update("accounts", "a2") | {"method": "replace", "body": {"balance": 0}},
        atomic=atomic,
    )
    assert answer.status == 200, answer
    made, changed, replaced, put_new, gone, _ = results = answer.json["results"]
    assert [one["status"] for one in results] == [201, 200, 200, 201, 204, 201]
    read = api("GET", f"/records/posts/{made['body']['id']}", token=ada)
    assert read.json == made["body"]
    assert made["headers"] == {
        "ETag": '"1"',
        "Location": f"/live/records/posts/{made['body']['id']}",
    }
    assert (changed["body"]["balance"], changed["headers"]) == (2, {"ETag": '"2"'})
    assert replaced["body"] == api("GET", "/records/accounts/b").json
    assert put_new["headers"]["Location"] == "/live/records/accounts/d"
    assert gone == {"status": 204}
    assert api("GET", "/records/accounts/c").status == 404


FAILING: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "a rule": (update("posts", "HERS", title="b"), 403, "rule_denied", ""),
    "a hidden record": (update("posts", "HIDDEN", title="b"), 404, "not_found", ""),
    "no such record": (delete("accounts", "nobody"), 404, "not_found", ""),
    "no such collection": (create("nowhere", a=1), 404, "not_found", ""),
    "a hidden collection": (create("ledger", amount=1), 404, "not_found", ""),
    "an id that nothing can have": (delete("posts", "../accounts"), 404, "not_found", ""),
    "validation": (create("posts", views="x"), 422, "validation_failed", ".body.views"),
    "a system field": (
        create("posts", title="a", version=3),
        422,
        "validation_failed",
        ".body.version",
    ),
    "a relation": (create("books", author="0" * 20), 422, "validation_failed", ".body.author"),
    "a unique value": (
        create("posts", title="c", slug="hers"),
        409,
        "unique_violation",
        ".body.slug",
    ),
    "an id in use": (create("accounts", id="b"), 409, "exists", ""),
    "a stale version": (
        {**update("accounts", "b", balance=1), "if_match": '"7"'},
        412,
        "precondition_failed",
        ".if_match",
    ),
    "a bound": (
        update("accounts", "b", balance={"$inc": -3}),
        422,
        "validation_failed",
        ".body.balance",
    ),
    "a large value": (
        create("books", extra=["x" * 9_000] * 30, more=["x" * 9_000] * 30),
        422,
        "validation_failed",
        ".body",
    ),
}


@pytest.fixture
def others(api: Any) -> dict[str, str]:
    ben = api.token("ben")
    posts = [{"title": "a", "published": True, "slug": "hers"}, {"title": "b"}]
    ids = [api("POST", "/records/posts", body=one, token=ben).json["id"] for one in posts]
    api("PUT", "/records/accounts/a", body={"balance": 1})
    api("PUT", "/records/accounts/b", body={"balance": 2})
    return {"HERS": ids[0], "HIDDEN": ids[1]}


def named(operation: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    return {
        key: ids.get(value, value) if key == "id" else value for key, value in operation.items()
    }


@pytest.mark.parametrize("what", FAILING)
def test_one_that_fails_undoes_an_atomic_batch_and_is_named(
    api: Any, ada: str, others: dict[str, str], what: str
) -> None:
    operation, status, code, place = FAILING[what]
    operation = named(operation, others)
    before = everything()
    answer = batch(
        api,
        ada,
        create("posts", title="first", slug="fresh"),
        update("accounts", "a", balance=5),
        operation,
        create("posts", title="last"),
    )
    assert (answer.status, answer.code) == (status, code)
    assert answer.json["errors"][0]["field"] == f"operations.2{place}"
    assert everything() == before


@pytest.mark.parametrize("what", FAILING)
def test_one_that_fails_stops_no_other_in_a_batch_that_is_not_atomic(
    api: Any, ada: str, others: dict[str, str], what: str
) -> None:
    operation, status, code, _ = FAILING[what]
    operation = named(operation, others)
    answer = batch(
        api,
        ada,
        create("posts", title="first", slug="fresh"),
        operation,
        update("accounts", "a", balance=5),
        atomic=False,
    )
    first, failed, last = answer.json["results"]
    assert (first["status"], failed["status"], last["status"]) == (201, status, 200)
    assert failed["problem"]["code"] == code
    assert failed["problem"]["request_id"] == answer.headers["X-Request-Id"]
    assert failed.keys() == {"status", "problem"}


OP = create("notes", text="a")
SHAPES: dict[str, tuple[Any, str]] = {
    "a list": ([], ""),
    "nothing": ({}, "operations"),
    "no operations": ({"operations": []}, "operations"),
    "operations of another type": ({"operations": {"0": OP}}, "operations"),
    "an operation of another type": ({"operations": [OP, "create"]}, "operations.1"),
    "null": ({"operations": [None]}, "operations.0"),
    "atomic of another type": ({"atomic": "true", "operations": [OP]}, "atomic"),
    "atomic null": ({"atomic": None, "operations": [OP]}, "atomic"),
    "an unknown part": ({"operation": [OP], "operations": [OP]}, "operation"),
    "no method": ({"operations": [{"collection": "notes", "body": {}}]}, "operations.0.method"),
    "another method": ({"operations": [OP, {**OP, "method": "POST"}]}, "operations.1.method"),
    "a method of another type": (
        {"operations": [{**OP, "method": ["create"]}]},
        "operations.0.method",
    ),
    "no collection": (
        {"operations": [{"method": "create", "body": {}}]},
        "operations.0.collection",
    ),
    "a collection of another type": (
        {"operations": [{**OP, "collection": 1}]},
        "operations.0.collection",
    ),
    "create without a body": (
        {"operations": [{"method": "create", "collection": "notes"}]},
        "operations.0.body",
    ),
    "a body of another type": ({"operations": [{**OP, "body": []}]}, "operations.0.body"),
    "create with an id": ({"operations": [{**OP, "id": "n1"}]}, "operations.0.id"),
    "create with if_match": ({"operations": [{**OP, "if_match": "*"}]}, "operations.0.if_match"),
    "update without an id": ({"operations": [{**OP, "method": "update"}]}, "operations.0.id"),
    "an id of another type": (
        {"operations": [{**OP, "method": "update", "id": 7}]},
        "operations.0.id",
    ),
    "delete with a body": (
        {"operations": [{**OP, "method": "delete", "id": "n1"}]},
        "operations.0.body",
    ),
    "a misspelt part": (
        {"operations": [{**delete("notes", "n1"), "if-match": '"1"'}]},
        "operations.0.if-match",
    ),
    "if_match that is no tag": (
        {"operations": [{**delete("notes", "n1"), "if_match": "1"}]},
        "operations.0.if_match",
    ),
    "if_match of another type": (
        {"operations": [{**delete("notes", "n1"), "if_match": 1}]},
        "operations.0.if_match",
    ),
    "one record twice": (
        {"operations": [update("notes", "n1"), OP, delete("notes", "n1")]},
        "operations.2",
    ),
    "one record created and changed": (
        {"operations": [create("notes", id="n1"), update("notes", "n1", text="b")]},
        "operations.1",
    ),
}


@pytest.mark.parametrize("what", SHAPES)
def test_a_batch_of_another_shape_is_refused_by_its_place(api: Any, what: str) -> None:
    body, place = SHAPES[what]
    before = everything()
    answer = api("POST", "/batch", body=body)
    assert (answer.status, answer.code) == (400, "invalid_batch" if place else "invalid_json")
    if place:
        assert [fault["field"] for fault in answer.json["errors"]] == [place]
    assert everything() == before


def test_one_record_may_be_written_twice_in_a_batch_that_is_not_atomic(api: Any) -> None:
    answer = batch(
        api,
        None,
        create("accounts", id="a", balance=1),
        update("accounts", "a", balance={"$inc": 1}),
        delete("accounts", "a"),
        update("accounts", "a", balance=1),
        atomic=False,
    )
    assert [one["status"] for one in answer.json["results"]] == [201, 200, 204, 404]


@pytest.mark.parametrize(("count", "atomic", "status"), [(100, True, 200), (101, False, 413)])
def test_a_hundred_operations_are_the_most(api: Any, count: int, atomic: bool, status: int) -> None:
    operations = [create("accounts", id=f"a{number}", balance=0) for number in range(count)]
    answer = batch(api, None, *operations, atomic=atomic)
    assert answer.status == status
    if status == 413:
        assert answer.code == "batch_too_large"


def test_unique_values_count_and_nothing_is_split(api: Any, ada: str) -> None:
    operations = [create("posts", title="a", slug=f"s{number}") for number in range(51)]
    answer = batch(api, ada, *operations)
    assert (answer.status, answer.code) == (413, "batch_too_large")
    assert api("GET", "/records/posts", token=ada).json["items"] == []
    assert batch(api, ada, *operations[:50]).status == 200


def test_what_a_batch_creates_can_be_named_in_it(api: Any, ada: str) -> None:
    answer = batch(
        api,
        ada,
        create("authors", name="Jane"),
        create("authors", name="Emma"),
        create("books", title="a", author={"$id": 0}, others=[{"$id": 1}, {"$id": 0}]),
        create("books", title="b", extra={"$id": 0}),
    )
    jane, emma, first, second = (one["body"] for one in answer.json["results"])
    assert first["author"] == jane["id"]
    assert first["others"] == [emma["id"], jane["id"]]
    assert second["extra"] == {"$id": 0}
    more = batch(
        api,
        ada,
        create("authors", name="Ann"),
        update("books", first["id"], others={"$append": [{"$id": 0}]}),
    )
    ann, book = (one["body"] for one in more.json["results"])
    assert book["others"] == [emma["id"], jane["id"], ann["id"]]


@pytest.mark.parametrize("number", [1, 2, 99, -1, "0", None, True, 0.0])
def test_a_reference_names_a_create_before_it(api: Any, ada: str, number: Any) -> None:
    answer = batch(
        api,
        ada,
        create("authors", name="Jane"),
        create("books", author={"$id": number}),
        create("authors", name="Emma"),
    )
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert answer.json["errors"][0]["field"] == "operations.1.body.author"
    assert api("GET", "/records/authors").json["items"] == []


def test_a_reference_tells_nothing_of_a_collection_that_is_hidden(api: Any, ada: str) -> None:
    hidden = {"name": "hidden", "fields": {"author": {"type": "relation", "to": "authors"}}}
    services().catalog.save(load(hidden))
    for name in ("hidden", "nowhere"):
        for number in (0, 9):
            answer = batch(
                api, ada, create("authors", name="a"), create(name, author={"$id": number})
            )
            assert (answer.status, answer.json["detail"]) == (
                404,
                "Operation 1: No such collection.",
            )


def test_a_relation_to_what_the_batch_removes_is_refused(api: Any, ada: str) -> None:
    jane = api("POST", "/records/authors", body={"name": "Jane"}, token=ada).json["id"]
    root = api.token("root", "admin")
    answer = batch(api, root, delete("authors", jane), create("books", author=jane))
    assert (answer.status, answer.json["errors"][0]["code"]) == (422, "relation_not_found")
    assert batch(api, root, create("books", author=jane), delete("authors", jane)).status == 200


@pytest.mark.parametrize("atomic", [True, False])
def test_rules_see_the_method_of_the_single_request(api: Any, atomic: bool) -> None:
    made = batch(api, None, create("guarded", id="a"), create("guarded", id="b"), atomic=atomic)
    assert [one["status"] for one in made.json["results"]] == [201, 201]
    put = {"method": "replace", "collection": "guarded", "id": "a", "body": {}}
    denied = batch(api, None, put, atomic=atomic)
    assert (denied.status if atomic else denied.json["results"][0]["status"]) == 403
    done = batch(api, None, update("guarded", "a", text="x"), delete("guarded", "b"), atomic=atomic)
    assert [one["status"] for one in done.json["results"]] == [200, 204]


def test_what_is_hidden_costs_as_what_is_missing(api: Any, ada: str) -> None:
    ben = api.token("ben")
    large = {"title": "x" * 200, "secret": "y" * 60_000}
    hidden = api("POST", "/records/posts", body=large, token=ben).json["id"]
    missing = hidden[:-1] + ("0" if hidden[-1] != "0" else "1")
    costs = {
        batch(api, ada, create("posts", title="a"), delete("posts", id), atomic=False).headers[
            "Covey-Cost"
        ]
        for id in (hidden, missing)
    }
    assert len(costs) == 1


def test_transfers_in_parallel_keep_the_total(api: Any) -> None:
    api("PUT", "/records/accounts/a", body={"balance": 1_000})
    api("PUT", "/records/accounts/b", body={"balance": 1_000})

    def transfer(number: int) -> int:
        source, target = ("a", "b") if number % 2 else ("b", "a")
        answer = batch(
            api,
            None,
            update("accounts", source, balance={"$inc": -number}),
            update("accounts", target, balance={"$inc": number}),
        )
        return int(answer.status)

    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(transfer, range(1, 21)))
    assert set(statuses) <= {200, 409}
    done = [number for number, status in enumerate(statuses, 1) if status == 200]
    moved = sum(-number if number % 2 else number for number in done)
    a, b = (api("GET", f"/records/accounts/{id}").json for id in "ab")
    assert (a["balance"], b["balance"]) == (1_000 + moved, 1_000 - moved)
    assert a["version"] == b["version"] == len(done) + 1
    assert len(done) >= 15


def test_one_of_fifty_batches_takes_a_unique_value(api: Any, ada: str) -> None:
    def claim(number: int) -> Any:
        return batch(
            api,
            ada,
            create("posts", title="beside", slug=f"own-{number}"),
            create("posts", title=f"{number}", slug="the-one"),
        )

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(claim, range(50)))
    won = [answer for answer in answers if answer.status == 200]
    assert len(won) == 1
    for answer in answers:
        if answer is not won[0]:
            assert (answer.status, answer.code) in {(409, "unique_violation"), (409, "conflict")}
    posts = api("GET", "/records/posts?limit=200", token=ada).json["items"]
    assert sorted(post["title"] for post in posts) == sorted(
        one["body"]["title"] for one in won[0].json["results"]
    )


KEYED = {"headers": {"Idempotency-Key": "k"}}


@pytest.mark.parametrize("atomic", [True, False])
def test_a_batch_with_a_key_is_done_once(api: Any, ada: str, atomic: bool) -> None:
    api("PUT", "/records/accounts/a", body={"balance": 1})
    operations = [
        update("accounts", "a", balance={"$inc": 1}),
        create("posts", title="x", price=0.10),
    ]
    first = batch(api, ada, *operations, atomic=atomic, **KEYED)
    again = batch(api, ada, *operations, atomic=atomic, **KEYED)
    assert first.status == 200
    assert again.text == first.text
    assert again.headers["Idempotency-Replayed"] == "true"
    assert api("GET", "/records/accounts/a").json["balance"] == 2
    other = batch(api, ada, *operations[:1], atomic=atomic, **KEYED)
    assert (other.status, other.code) == (422, "idempotency_key_reused")


def test_a_refused_batch_is_an_outcome(api: Any, ada: str) -> None:
    answers = [batch(api, ada, create("posts", views="x"), **KEYED) for _ in range(2)]
    assert [answer.status for answer in answers] == [422, 422]
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert answers[1].text == answers[0].text


def test_a_batch_that_died_half_way_is_gone_on_with(
    api: Any, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    update_of, done = DynamoRecordStore.update, []

    def dies_after_two(*arguments: Any, **more: Any) -> None:
        update_of(*arguments, **more)
        done.append(1)
        if len(done) == 2:
            raise Died

    names = ["a", "b", "c"]
    for name in names:
        api("PUT", f"/records/accounts/{name}", body={"balance": 0})
    steps = [update("accounts", name, balance={"$inc": 1}) for name in names]
    with monkeypatch.context() as patch:
        patch.setattr(DynamoRecordStore, "update", dies_after_two)
        with pytest.raises(Died):
            batch(api, ada, *steps, atomic=False, **KEYED)
    waits = batch(api, ada, *steps, atomic=False, **KEYED)
    assert (waits.status, waits.code) == (409, "idempotency_in_progress")
    clock = services().idempotency._clock
    monkeypatch.setattr(services().idempotency, "_clock", lambda: clock() + 61)
    went_on = batch(api, ada, *steps, atomic=False, **KEYED)
    assert [one["body"]["balance"] for one in went_on.json["results"]] == [1, 1, 1]
    assert [api("GET", f"/records/accounts/{name}").json["balance"] for name in names] == [1, 1, 1]
    assert batch(api, ada, *steps, atomic=False, **KEYED).text == went_on.text


def test_what_failed_for_now_is_tried_again_and_the_rest_is_not(
    api: Any, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    update_of = DynamoRecordStore.update

    def away_for_b(self: Any, collection: Any, before: Any, after: Any, **more: Any) -> None:
        if before.id == "b":
            raise Unavailable
        update_of(self, collection, before, after, **more)

    for name in ("a", "b"):
        api("PUT", f"/records/accounts/{name}", body={"balance": 0})
    steps = [update("accounts", name, balance={"$inc": 1}) for name in ("a", "b")]
    with monkeypatch.context() as patch:
        patch.setattr(DynamoRecordStore, "update", away_for_b)
        first = batch(api, ada, *steps, atomic=False, **KEYED)
    assert [one["status"] for one in first.json["results"]] == [200, 503]
    assert first.json["results"][1]["headers"] == {"Retry-After": "1"}
    second = batch(api, ada, *steps, atomic=False, **KEYED)
    assert [one["body"]["balance"] for one in second.json["results"]] == [1, 1]


def test_a_fault_of_ours_in_one_operation_is_told_without_its_cause(
    api: Any, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret cause")

    api("PUT", "/records/accounts/a", body={"balance": 0})
    monkeypatch.setattr(DynamoRecordStore, "update", breaks)
    answer = batch(
        api, ada, update("accounts", "a", balance=1), create("accounts", id="z"), atomic=False
    )
    failed, done = answer.json["results"]
    assert (failed["status"], failed["problem"]["code"], done["status"]) == (500, "internal", 201)
    assert "secret cause" not in answer.text


def test_when_the_time_is_over_the_rest_is_told_to_come_again(api: Any) -> None:
    ticks = iter([0.0, 1.0, 19.0, 21.0, 22.0])
    services().batches._clock = lambda: next(ticks)
    creates = [create("accounts", id=f"a{number}") for number in range(4)]
    answer = batch(api, None, *creates, atomic=False)
    assert [one["status"] for one in answer.json["results"]] == [201, 201, 503, 503]
    assert api("GET", "/records/accounts/a2").status == 404


@pytest.mark.parametrize("body", ["{", '{"operations": 1}', ""])
def test_a_wrong_credential_is_told_before_a_wrong_body(api: Any, body: str) -> None:
    answer = api("POST", "/batch", body=body, token="x.y.z")
    assert (answer.status, answer.code) == (401, "invalid_token")
    assert api("POST", "/batch", body=body).status in (400, 415)
