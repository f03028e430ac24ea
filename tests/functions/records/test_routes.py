"""/records over the wire: what a client sends and what it gets."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from covey.wiring import services


@pytest.fixture
def ada(api: Any) -> str:
    return api.token("ada")


def test_create_then_read(api: Any, ada: str) -> None:
    made = api("POST", "/records/posts", body={"title": "Hello"}, token=ada)
    assert made.status == 201
    assert made.headers["Location"] == f"/live/records/posts/{made.json['id']}"
    assert made.headers["ETag"] == '"1"'
    read = api("GET", f"/records/posts/{made.json['id']}", token=ada)
    assert (read.status, read.json) == (200, made.json)
    assert read.json["author"] == "ada"
    assert read.headers["Cache-Control"] == "no-store"
    assert read.headers["Covey-Cost"].startswith("rru=2.5, wru=0, ")  # 2 of it: the caller


def test_numbers_come_back_digit_for_digit(api: Any, ada: str) -> None:
    digits = "12345678901234567890.123456789012345678"
    made = api(
        "POST",
        "/records/posts",
        body=f'{{"title":"x","price":{digits}}}',
        headers={"Content-Type": "application/json"},
        token=ada,
    )
    assert f'"price":{digits}' in made.text
    assert f'"price":{digits}' in api("GET", f"/records/posts/{made.json['id']}", token=ada).text


def test_change_with_if_match(api: Any, ada: str) -> None:
    id = api("POST", "/records/posts", body={"title": "a"}, token=ada).json["id"]
    path = f"/records/posts/{id}"
    changed = api("PATCH", path, body={"title": "b"}, headers={"If-Match": '"1"'}, token=ada)
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    stale = api("PATCH", path, body={"title": "c"}, headers={"If-Match": '"1"'}, token=ada)
    assert (stale.status, stale.code) == (412, "precondition_failed")
    assert api("GET", path, token=ada).json["title"] == "b"


def test_merge_patches_with_operators(api: Any, ada: str) -> None:
    id = api("POST", "/records/posts", body={"title": "a", "price": 1}, token=ada).json["id"]
    after = api(
        "PATCH",
        f"/records/posts/{id}",
        body='{"views":{"$inc":3},"price":null}',
        headers={"Content-Type": "application/merge-patch+json"},
        token=ada,
    ).json
    assert (after["views"], "price" in after) == (3, False)


def test_not_modified(api: Any) -> None:
    api("PUT", "/records/notes/n1", body={"text": "a"})
    again = api("GET", "/records/notes/n1", headers={"If-None-Match": '"1"'})
    assert (again.status, again.text, again.headers["ETag"]) == (304, "", '"1"')
    assert api("GET", "/records/notes/n1", headers={"If-None-Match": '"9"'}).status == 200


def test_put_creates_then_replaces(api: Any) -> None:
    made = api("PUT", "/records/notes/n%3A1", body={"text": "a"})
    assert (made.status, made.json["id"]) == (201, "n:1")
    assert made.headers["Location"] == "/live/records/notes/n%3A1"
    there = api("PUT", "/records/notes/n:1", body={"text": "b"}, headers={"If-None-Match": "*"})
    assert there.status == 412
    assert api("PUT", "/records/notes/n:1", body={"text": "b"}).status == 200
    assert api("GET", "/records/notes/n:1").json["text"] == "b"


def test_delete(api: Any) -> None:
    api("PUT", "/records/notes/n1", body={"text": "a"})
    gone = api("DELETE", "/records/notes/n1")
    assert (gone.status, gone.text) == (204, "")
    assert api("DELETE", "/records/notes/n1").status == 404


def test_pages_follow_the_links_there_and_back(api: Any) -> None:
    for number in range(5):
        api("PUT", f"/records/notes/n{number}", body={"text": "a&b"})
    walks: dict[str, list[list[str]]] = {"next": [], "prev": []}
    last = target = "/records/notes?limit=2&fields=text"
    for way, pages in walks.items():
        target = last
        while target:
            page = api("GET", target)
            assert page.status == 200, page
            pages.append([item["id"] for item in page.json["items"]])
            links = re.findall(r'</live(.+?)>; rel="(next|prev)"', page.headers.get("Link", ""))
            found = {rel: to for to, rel in links}
            assert {rel for rel in walks if page.json[rel] is not None} == found.keys()
            last, target = target, found.get(way, "")
    assert [name for names in walks["next"] for name in names] == ["n4", "n3", "n2", "n1", "n0"]
    assert walks["prev"] == walks["next"][::-1]


def test_explain_answers_the_plan(api: Any, ada: str) -> None:
    plan = api("GET", "/records/posts?filter=author%20%3D%3D%20%22ada%22&explain=true", token=ada)
    assert plan.status == 200, plan
    assert "items" not in plan.json


def test_head_says_what_get_would(api: Any) -> None:
    api("PUT", "/records/notes/n1", body={"text": "a"})
    head = api("HEAD", "/records/notes/n1")
    assert (head.status, head.text, head.headers["ETag"]) == (200, "", '"1"')


def test_what_a_caller_may_not_see_is_not_there(api: Any, ada: str) -> None:
    id = api("POST", "/records/posts", body={"title": "draft"}, token=ada).json["id"]
    eve = api.token("eve")
    hidden = api("GET", f"/records/posts/{id}", token=eve)
    absent = api("GET", f"/records/posts/{id[:-1]}0", token=eve)
    for answer in (hidden, absent):
        assert (answer.status, answer.code) == (404, "not_found")
    assert hidden.json["detail"] == absent.json["detail"]
    assert api("PATCH", f"/records/posts/{id}", body={"title": "x"}, token=eve).status == 404
    assert api("DELETE", f"/records/posts/{id}", token=eve).status == 404


def test_a_bad_token_is_refused_and_not_taken_for_a_guest(api: Any) -> None:
    for token in ("x", "a.b.c", api.token("ada")[:-3] + "AAA"):
        answer = api("GET", "/records/notes", token=token)
        assert (answer.status, answer.code) == (401, "invalid_token")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


JSON = {"Content-Type": "application/json"}
BAD: list[Any] = [
    ("POST", "/records/notes", {"body": "{", "headers": JSON}, 400, "invalid_json"),
    ("POST", "/records/notes", {"body": '{"a":1,"a":2}', "headers": JSON}, 400, "invalid_json"),
    ("POST", "/records/notes", {"body": '{"text":NaN}', "headers": JSON}, 400, "invalid_json"),
    ("POST", "/records/notes", {"body": '{"text":1e999}', "headers": JSON}, 400, "invalid_json"),
    (
        "POST",
        "/records/notes",
        {"body": '{"text":"\\ud800"}', "headers": JSON},
        400,
        "invalid_json",
    ),
    ("POST", "/records/notes", {"body": "[" * 40 + "]" * 40, "headers": JSON}, 400, "invalid_json"),
    ("POST", "/records/notes", {"body": "[]", "headers": JSON}, 400, "invalid_json"),
    ("POST", "/records/notes", {"body": "", "headers": JSON}, 400, "invalid_json"),
    ("POST", "/records/notes", {"body": b"\xff", "headers": JSON}, 400, "invalid_json"),
    ("POST", "/records/notes", {"body": "{}"}, 415, "unsupported_media_type"),
    (
        "POST",
        "/records/notes",
        {"body": "a=b", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        415,
        "unsupported_media_type",
    ),
    ("POST", "/records/notes", {"body": {"text": "x" * 1_100_000}}, 413, "too_large"),
    ("POST", "/records/notes", {"body": {"text": 1}}, 422, "validation_failed"),
    ("POST", "/records/notes", {"body": {"txt": "a"}}, 422, "validation_failed"),
    ("POST", "/records/notes", {"body": {"version": 7}}, 422, "validation_failed"),
    ("POST", "/records/notes", {"body": {"id": "../x"}}, 422, "validation_failed"),
    ("POST", "/records/posts", {"body": {"title": "x"}}, 401, "unauthenticated"),
    ("POST", "/records/ledger", {"body": {"amount": 1}}, 404, "not_found"),
    ("GET", "/records/ledger", {}, 404, "not_found"),
    ("GET", "/records/nowhere", {}, 404, "not_found"),
    ("GET", "/records/Notes", {}, 404, "not_found"),
    ("GET", "/records/_catalog", {}, 404, "not_found"),
    ("GET", "/records/!catalog", {}, 404, "not_found"),
    ("GET", "/records/notes/..%2Fposts", {}, 404, "not_found"),
    ("GET", "/records/notes/a%00", {}, 404, "not_found"),
    ("GET", "/records/notes/%zz", {}, 400, "invalid_path"),
    ("GET", "/records/notes/%ff", {}, 400, "invalid_path"),
    ("GET", "/records/notes/a/b", {}, 404, "not_found"),
    ("GET", "/records", {"resource": "/records"}, 404, "not_found"),
    ("PUT", "/records/notes", {"body": {}}, 405, "method_not_allowed"),
    ("POST", "/records/notes/n1", {"body": {}}, 405, "method_not_allowed"),
    ("BREW", "/records/notes", {}, 405, "method_not_allowed"),
    ("GET", "/records/notes?limit=0", {}, 400, "invalid_limit"),
    ("GET", "/records/notes?limit=1&limit=2", {}, 400, "invalid_parameter"),
    ("GET", "/records/notes?limits=2", {}, 400, "invalid_parameter"),
    ("GET", "/records/notes?explain=yes", {}, 400, "invalid_parameter"),
    ("GET", "/records/notes?cursor=x", {}, 400, "invalid_cursor"),
    ("GET", "/records/notes?filter=", {}, 400, "invalid_filter"),
    ("GET", "/records/notes?filter=text%20%3D", {}, 400, "invalid_filter"),
    ("GET", "/records/notes?filter=secret%20%3D%3D%201", {}, 400, "invalid_filter"),
    ("GET", "/records/notes?filter=" + "(" * 3000, {}, 400, "invalid_filter"),
    ("GET", "/records/notes?sort=nothing", {}, 400, "invalid_sort"),
    ("GET", "/records/notes?sort=text", {}, 400, "index_required"),
    ("GET", "/records/notes?fields=nothing", {}, 400, "invalid_fields"),
    ("GET", "/records/notes?expand=text", {}, 400, "invalid_expand"),
    ("PATCH", "/records/notes/n1", {"body": {"id": "n2"}}, 422, "validation_failed"),
    ("PATCH", "/records/notes/n1", {"body": {"text": {"$inc": 1}}}, 422, "validation_failed"),
    ("PATCH", "/records/notes/n9", {"body": {}}, 404, "not_found"),
    (
        "PATCH",
        "/records/notes/n1",
        {"body": {"text": "b"}, "headers": {"If-Match": "1"}},
        400,
        "invalid_precondition",
    ),
    (
        "PATCH",
        "/records/notes/n1",
        {"body": {"text": "b"}, "headers": {"If-Match": ['"1"', '"1"']}},
        400,
        "repeated_header",
    ),
    ("DELETE", "/records/notes/n1?cascade=true", {}, 400, "invalid_parameter"),
    ("DELETE", "/records/notes/n1", {"headers": {"If-Match": '"9"'}}, 412, "precondition_failed"),
    ("GET", "/records/notes", {"headers": {"Authorization": "Basic YTpi"}}, 401, "invalid_token"),
    ("POST", "/records/notes", {"body": {"id": "n1"}}, 409, "exists"),
]


def test_bad_input_is_a_problem_with_a_stable_code_and_changes_nothing(api: Any) -> None:
    api("PUT", "/records/notes/n1", body={"text": "as it was"})
    api("GET", "/records/notes?cursor=x")  # makes the key that cursors are sealed with
    before = _everything()
    for method, target, options, status, code in BAD:
        answer = api(method, target, **options)
        said = (answer.status, answer.code)
        assert said == (status, code), f"{method} {target[:60]} {str(options)[:60]}: {answer}"
        assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert _everything() == before


def test_unique_values_are_told_by_field(api: Any, ada: str) -> None:
    body = {"title": "a", "slug": "s", "published": True}
    assert api("POST", "/records/posts", body=body, token=ada).status == 201
    taken = api("POST", "/records/posts", body=body, token=ada)
    assert (taken.status, taken.code) == (409, "unique_violation")
    assert [fault["field"] for fault in taken.json["errors"]] == ["slug"]


def test_fields_hide_from_those_who_may_not_read_them(api: Any, ada: str) -> None:
    body = {"title": "a", "published": True, "secret": "s3cret"}
    id = api("POST", "/records/posts", body=body, token=ada).json["id"]
    assert api("GET", f"/records/posts/{id}", token=ada).json["secret"] == "s3cret"
    assert "s3cret" not in api("GET", f"/records/posts/{id}").text
    listed = api("GET", "/records/posts?filter=published%20%3D%3D%20true")
    assert listed.status == 200
    assert "s3cret" not in listed.text
    probe = api("GET", "/records/posts?filter=secret%20%3D%3D%20%22s3cret%22")
    assert (probe.status, probe.code) == (400, "invalid_filter")


def _everything() -> list[str]:
    table = services().settings.table_name
    items = services().transport.call("Scan", {"TableName": table})["Items"]
    return sorted(json.dumps(item, sort_keys=True) for item in items)
