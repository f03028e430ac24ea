"""Idempotency-Key over the wire: a write that is sent again is done once."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from covey.errors import Unavailable
from covey.store.records import DynamoRecordStore
from covey.wiring import services

REPLAYED = "Idempotency-Replayed"


@pytest.fixture
def ada(api: Any) -> str:
    return api.token("ada")


def keyed(key: str, **more: str) -> dict[str, str]:
    return {"Idempotency-Key": key, **more}


def post(api: Any, token: str, title: str = "a") -> Any:
    return api("POST", "/records/posts", body={"title": title}, token=token, headers=keyed("k"))


def titles(api: Any, token: str) -> list[str]:
    page = api("GET", "/records/posts?limit=200", token=token)
    return [item["title"] for item in page.json["items"]]


def test_a_create_sent_again_is_answered_alike_and_done_once(api: Any, ada: str) -> None:
    send = partial(post, api, ada)
    first, second = send(), send()
    assert (first.status, second.status) == (201, 201)
    assert second.text == first.text
    for name in ("ETag", "Location", "Content-Type"):
        assert second.headers[name] == first.headers[name]
    assert REPLAYED not in first.headers
    assert second.headers[REPLAYED] == "true"
    assert titles(api, ada) == ["a"]


def test_every_write_takes_a_key(api: Any, ada: str) -> None:
    put = {"body": {"text": "a"}, "token": ada}
    notes = "/records/notes/n1"
    assert api("PUT", notes, headers=keyed("put"), **put).status == 201
    again = api("PUT", notes, headers=keyed("put"), **put)
    assert (again.status, again.headers["Location"]) == (201, "/live/records/notes/n1")
    made = api("POST", "/records/posts", body={"title": "a"}, token=ada).json["id"]
    path = f"/records/posts/{made}"
    step = {"body": {"views": {"$inc": 1}}, "token": ada, "headers": keyed("patch")}
    assert [api("PATCH", path, **step).json["views"] for _ in range(3)] == [1, 1, 1]
    gone = [api("DELETE", path, token=ada, headers=keyed("delete")) for _ in range(2)]
    assert [answer.status for answer in gone] == [204, 204]
    assert gone[1].headers[REPLAYED] == "true"
    assert api("DELETE", path, token=ada).status == 404


def test_a_write_that_changes_nothing_is_kept_too(api: Any, ada: str) -> None:
    id = api("POST", "/records/posts", body={"title": "a"}, token=ada).json["id"]
    path = f"/records/posts/{id}"
    same = {"body": {"title": "a"}, "token": ada, "headers": keyed("k")}
    assert api("PATCH", path, **same).headers["ETag"] == '"1"'
    api("PATCH", path, body={"title": "b"}, token=ada)
    again = api("PATCH", path, **same)
    assert (again.headers["ETag"], again.json["title"]) == ('"1"', "a")


OTHERS: dict[str, dict[str, Any]] = {
    "body": {"body": {"title": "b"}},
    "path": {"target": "/records/notes"},
    "parameters": {"target": "/records/posts?fields=title"},
    "precondition": {"headers": keyed("k", **{"If-Match": '"1"'})},
    "method": {"method": "PUT", "target": "/records/posts/x"},
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_key_of_another_request_is_refused(api: Any, ada: str, what: str) -> None:
    asked = {
        "method": "POST",
        "target": "/records/posts",
        "body": {"title": "a"},
        "headers": keyed("k"),
        "token": ada,
    }
    api(asked.pop("method"), asked.pop("target"), **asked)
    other = {"method": "POST", "target": "/records/posts", **asked, **OTHERS[what]}
    answer = api(other.pop("method"), other.pop("target"), **other)
    assert (answer.status, answer.code) == (422, "idempotency_key_reused")
    assert titles(api, ada) == ["a"]


def test_a_key_is_its_callers_own(api: Any, ada: str) -> None:
    mine = {"body": {"title": "a", "secret": "s3cret"}, "headers": keyed("k")}
    api("POST", "/records/posts", token=ada, **mine)
    theirs = api("POST", "/records/posts", token=api.token("ben"), **mine)
    assert theirs.status == 201
    assert REPLAYED not in theirs.headers
    assert theirs.json["author"] == "ben"
    guest = api("POST", "/records/notes", body={"text": "a"}, headers=keyed("k"))
    assert (guest.status, guest.code) == (401, "unauthenticated")
    assert api("GET", "/records/notes").json["items"] == []
    lapsed = api("POST", "/records/posts", token="not.a.token", **mine)
    assert (lapsed.status, lapsed.code) == (401, "invalid_token")


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "tab\there", "\x7f"])
def test_a_key_of_another_shape_is_refused(api: Any, ada: str, key: str) -> None:
    answer = api("POST", "/records/posts", body={"title": "a"}, token=ada, headers=keyed(key))
    assert (answer.status, answer.code) == (400, "invalid_idempotency_key")
    assert titles(api, ada) == []


def test_a_key_given_twice_is_refused(api: Any, ada: str) -> None:
    headers = {"Idempotency-Key": ["a", "b"], "Content-Type": "application/json"}
    answer = api("POST", "/records/posts", body='{"title":"a"}', token=ada, headers=headers)
    assert (answer.status, answer.code) == (400, "repeated_header")


REFUSALS: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "invalid": ("POST", "/records/posts", {"body": {"views": "x"}}, 422),
    "malformed": ("POST", "/records/posts", {"body": "{"}, 400),
    "missing": ("PATCH", "/records/posts/06hhg000000000000000", {"body": {}}, 404),
    "taken": ("POST", "/records/posts", {"body": {"title": "b", "slug": "s"}}, 409),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_a_refusal_is_an_outcome(api: Any, ada: str, what: str) -> None:
    api("POST", "/records/posts", body={"title": "a", "slug": "s"}, token=ada)
    method, target, options, status = REFUSALS[what]
    headers = keyed("k", **{"Content-Type": "application/json"})
    first, second = (api(method, target, token=ada, headers=headers, **options) for _ in range(2))
    assert (first.status, second.status) == (status, status)
    assert second.headers["Content-Type"] == "application/problem+json"
    assert second.text == first.text
    assert second.headers[REPLAYED] == "true"


def test_what_the_caller_may_mend_frees_the_key(api: Any, ada: str) -> None:
    api.token("ben")
    id = api("POST", "/records/posts", body={"title": "a", "published": True}, token=ada).json["id"]
    path = f"/records/posts/{id}"
    ben = api.token("ben")
    denied = api("PATCH", path, body={"title": "b"}, token=ben, headers=keyed("k"))
    assert denied.status == 403
    other = api("POST", "/records/posts", body={"title": "c"}, token=ben, headers=keyed("k"))
    assert other.status == 201


def test_parallel_sends_are_done_once(api: Any, ada: str) -> None:
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: post(api, ada), range(24)))
    done = {answer.text for answer in answers if answer.status == 201}
    waiting = [answer for answer in answers if answer.status != 201]
    assert len(done) == 1
    assert titles(api, ada) == ["a"]
    for answer in waiting:
        assert (answer.status, answer.code) == (409, "idempotency_in_progress")
        assert answer.headers["Retry-After"] == "1"
    assert post(api, ada).headers[REPLAYED] == "true"


def test_one_that_is_still_running_is_told(
    api: Any, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, go = threading.Event(), threading.Event()
    create = DynamoRecordStore.create

    def slow(*arguments: Any, **more: Any) -> None:
        inside.set()
        assert go.wait(20)
        create(*arguments, **more)

    monkeypatch.setattr(DynamoRecordStore, "create", slow)
    send = partial(post, api, ada)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(send)
        assert inside.wait(20)
        assert send().code == "idempotency_in_progress"
        go.set()
        assert first.result().status == 201
    assert send().text == first.result().text


def test_a_failure_of_ours_lets_the_request_be_sent_again(
    api: Any, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise Unavailable

    send = partial(post, api, ada)
    with monkeypatch.context() as patch:
        patch.setattr(DynamoRecordStore, "create", away)
        assert send().status == 503
    assert post(api, ada, "b").code == "idempotency_key_reused"
    assert send().status == 201
    assert send().headers[REPLAYED] == "true"
    assert titles(api, ada) == ["a"]


def test_an_answer_that_was_lost_after_the_write_is_found(
    api: Any, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the function dies just after its transaction: write and outcome are one."""
    create = DynamoRecordStore.create

    class Died(BaseException):
        pass

    def dies(*arguments: Any, **more: Any) -> None:
        create(*arguments, **more)
        raise Died

    send = partial(post, api, ada)
    with monkeypatch.context() as patch:
        patch.setattr(DynamoRecordStore, "create", dies)
        with pytest.raises(Died):
            send()
    again = send()
    assert (again.status, again.headers[REPLAYED]) == (201, "true")
    assert titles(api, ada) == ["a"]


def test_a_holder_that_was_overtaken_writes_nothing(
    api: Any, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is stalled for longer than its lease; the second takes over and is done."""
    create = DynamoRecordStore.create
    stalled = iter([True])

    def stalls(*arguments: Any, **more: Any) -> None:
        if next(stalled, False):
            monkeypatch.setattr(services().idempotency, "_clock", lambda: 4_000_000_000)
            assert send().status == 201
        create(*arguments, **more)

    send = partial(post, api, ada)
    monkeypatch.setattr(DynamoRecordStore, "create", stalls)
    first = send()
    assert (first.status, first.code) == (409, "conflict")
    assert titles(api, ada) == ["a"]


def test_without_a_key_nothing_is_paid(api: Any, ada: str) -> None:
    plain = api("POST", "/records/notes", body={"text": "a"})
    assert ", wru=2, " in plain.headers["Covey-Cost"]
    keys = [item["pk"]["S"] for item in _items()]
    assert not [key for key in keys if key.startswith("!outcome")]
    marked = api("POST", "/records/notes", body={"text": "a"}, token=ada, headers=keyed("k"))
    assert ", wru=6, " in marked.headers["Covey-Cost"]  # 1 to take the key, the rest twice, and 1


def test_nothing_of_a_key_or_a_caller_is_in_the_table(api: Any, ada: str) -> None:
    api("POST", "/records/posts", body={"title": "a"}, token=ada, headers=keyed("my-key"))
    kept = [item for item in _items() if item["pk"]["S"].startswith("!outcome")]
    assert len(kept) == 1
    assert "my-key" not in json.dumps(kept)
    assert int(kept[0]["x"]["N"]) > 0


def _items() -> list[dict[str, Any]]:
    table = services().settings.table_name
    items: list[dict[str, Any]] = services().transport.call("Scan", {"TableName": table})["Items"]
    return items
