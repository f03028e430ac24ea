"""History, soft deletion and restore over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from covey.collections.document import load
from covey.pipeline.told import Told
from covey.wiring import services

PAGES = {
    "name": "pages",
    "ids": "custom",
    "fields": {"text": {"type": "text"}, "owner": {"type": "text", "default": "auth.id"}},
    "rules": {
        "read": "true",
        "create": "auth != null",
        "update": "owner == auth.id",
        "delete": "owner == auth.id",
    },
    "history": "90d",
    "soft_delete": "30d",
}
HOME = "/records/pages/home"


@pytest.fixture
def api(api: Any) -> Iterator[Any]:
    services().catalog.save(load(PAGES))
    yield api


def streamed() -> None:
    """Tell the pipeline of every change, as its function is told."""
    told = [Told(change.sequence, {}, change) for change in CHANGES]
    assert services().pipeline.take(told, lambda: True) is None
    CHANGES.clear()


CHANGES: list[Any] = []


@pytest.fixture(autouse=True)
def _watched(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the table's stream would tell of writes: images before and after."""
    CHANGES.clear()
    transport = services().transport
    call = transport.call

    def image(key: dict[str, Any]) -> Any:
        table = services().settings.table_name
        return call("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True}).get("Item")

    def keys_of(operation: str, request: Any) -> list[Any]:
        if operation in ("PutItem", "UpdateItem", "DeleteItem"):
            one = request.get("Key") or request["Item"]
            return [{name: one[name] for name in ("pk", "sk")}]
        if operation != "TransactWriteItems":
            return []
        parts = [next(iter(item.values())) for item in request["TransactItems"]]
        every = [part.get("Key") or part["Item"] for part in parts]
        return [{name: one[name] for name in ("pk", "sk")} for one in every]

    def watched(operation: str, request: Any) -> Any:
        keys = keys_of(operation, request)
        before = [image(key) for key in keys]
        answer = call(operation, request)
        for key, old in zip(keys, before, strict=True):
            data = {"Keys": key, "OldImage": old, "NewImage": image(key)}
            data |= {"SequenceNumber": str(len(CHANGES)), "ApproximateCreationDateTime": 1.9e9}
            change = services().change_of({"dynamodb": data})
            if change is not None:
                CHANGES.append(change)
        return answer

    monkeypatch.setattr(transport, "call", watched)


def test_a_version_is_read_and_brought_back(api: Any) -> None:
    ada = api.token("ada")
    for text in ("one", "two", "three"):
        assert api("PUT", HOME, body={"text": text}, token=ada).status in (200, 201)
    streamed()
    page = api("GET", f"{HOME}/history?limit=2", token=ada)
    assert [one["record"]["text"] for one in page.json["items"]] == ["three", "two"]
    assert page.json["items"][0]["by"] == page.json["items"][0]["record"]["owner"]
    assert f"cursor={page.json['next']}" in page.headers["Link"]
    rest = api("GET", f"{HOME}/history?limit=2&cursor={page.json['next']}", token=ada)
    assert [one["record"]["text"] for one in rest.json["items"]] == ["one"]
    assert rest.json["next"] is None
    assert api("GET", f"{HOME}/history/1", token=ada).json == rest.json["items"][0]
    target = f"{HOME}/restore?fields=text"
    stale = api("POST", target, body={"version": 1}, token=ada, headers={"If-Match": '"2"'})
    assert (stale.status, stale.code) == (412, "precondition_failed")
    back = api("POST", target, body={"version": 1}, token=ada, headers={"If-Match": '"3"'})
    assert (back.status, back.json, back.headers["ETag"]) == (
        200,
        {"id": "home", "text": "one"},
        '"4"',
    )


def test_a_deleted_record_comes_back(api: Any) -> None:
    ada, ben = api.token("ada"), api.token("ben")
    api("PUT", HOME, body={"text": "one"}, token=ada)
    assert api("DELETE", HOME, token=ada).status == 204
    assert api("GET", HOME).status == 404
    assert api("GET", "/records/pages").json["items"] == []
    assert api("POST", f"{HOME}/restore", body={}, token=ben).status == 404
    back = api("POST", f"{HOME}/restore", body={}, token=ada, headers={"Idempotency-Key": "k"})
    again = api("POST", f"{HOME}/restore", body={}, token=ada, headers={"Idempotency-Key": "k"})
    assert (back.status, again.status) == (201, 201)
    assert back.headers["Location"] == "/live/records/pages/home"
    assert api("GET", HOME).json["text"] == "one"


def test_administrators_list_and_purge(api: Any) -> None:
    ada, root = api.token("ada"), api.token("root", "admin")
    api("PUT", HOME, body={"text": "one"}, token=ada)
    api("DELETE", HOME, token=ada)
    listed = api("GET", "/records/pages?deleted=true", token=root)
    (one,) = listed.json["items"]
    assert (one["record"]["text"], one["deleted"]) == ("one", True)
    assert api("GET", "/records/pages?deleted=true", token=ada).status == 403
    assert api("GET", "/records/pages?deleted=false", token=ada).json["items"] == []
    assert api("DELETE", f"{HOME}?purge=true", token=ada).status == 404
    assert api("DELETE", f"{HOME}?purge=true", token=root).status == 204
    assert api("DELETE", f"{HOME}?purge=true", token=root).status == 404
    streamed()
    back = api("POST", f"{HOME}/restore", body={"version": 1}, token=root)
    assert (back.status, back.headers["ETag"]) == (201, '"2"')


REFUSED = {
    "no version": ("GET", f"{HOME}/history/x", None, 404, "not_found"),
    "version nought": ("GET", f"{HOME}/history/0", None, 404, "not_found"),
    "a huge version": ("GET", f"{HOME}/history/{'9' * 30}", None, 404, "not_found"),
    "digits of another script": ("GET", f"{HOME}/history/%D9%A1", None, 404, "not_found"),
    "parameters of a version": ("GET", f"{HOME}/history/1?a=1", None, 400, "invalid_parameter"),
    "a misspelt parameter": ("GET", f"{HOME}/history?limt=1", None, 400, "invalid_parameter"),
    "a cursor of nothing": ("GET", f"{HOME}/history?cursor=%00", None, 400, "invalid_cursor"),
    "no record": ("GET", "/records/pages/none/history", None, 404, "not_found"),
    "no id": ("GET", "/records/pages/%01/history", None, 404, "not_found"),
    "version text": ("POST", f"{HOME}/restore", {"version": "1"}, 400, "invalid_version"),
    "version true": ("POST", f"{HOME}/restore", {"version": True}, 400, "invalid_version"),
    "version below": ("POST", f"{HOME}/restore", {"version": -1}, 400, "invalid_version"),
    "version beyond": ("POST", f"{HOME}/restore", {"version": 10**10}, 400, "invalid_version"),
    "version half": ("POST", f"{HOME}/restore", {"version": 1.5}, 400, "invalid_version"),
    "another name": ("POST", f"{HOME}/restore", {"versoin": 1}, 400, "invalid_version"),
    "a list": ("POST", f"{HOME}/restore", [1], 400, "invalid_json"),
    "purge maybe": ("DELETE", f"{HOME}?purge=maybe", None, 400, "invalid_parameter"),
    "deleted maybe": ("GET", "/records/pages?deleted=maybe", None, 400, "invalid_parameter"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_what_makes_no_sense_is_refused(api: Any, case: tuple[Any, ...]) -> None:
    method, target, body, status, code = case
    ada = api.token("ada")
    api("PUT", HOME, body={"text": "one"}, token=ada)
    answer = api(method, target, token=ada, **({} if body is None else {"body": body}))
    assert (answer.status, answer.code) == (status, code)
