"""Bad input of every kind: a problem with its stable code, at once, and nothing has changed."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.running import Running, User
from tests.e2e.writers import everything

SECONDS = (
    1.0  # the longest that a bad request may take; the best of three, as the machine is shared
)
JSON = {"Content-Type": "application/json"}
PATCH = {"Content-Type": "application/merge-patch+json"}
NOTES = "/records/notes"
DEEP = "[" * 40 + "]" * 40


@dataclass(frozen=True)
class World:
    covey: Running
    ann: User
    ben: User
    note: str
    diary: str

    def state(self) -> list[list[tuple[Any, ...]]]:
        """All that could have changed: every record by version, and the jobs."""
        users = everything(self.ann, "users")
        records = [
            [(one["id"], one["version"], one["updated"]) for one in found]
            for found in (
                *(everything(self.ann, name) for name in ("notes", "rows", "diaries")),
                everything(self.ben, "diaries"),
                users,
            )
        ]
        jobs = self.ann.http.get("/jobs", params={"limit": "100"}).json()["items"]
        return [*records, [(one["id"], one["status"]) for one in jobs]]


@pytest.fixture(scope="module")
def world(covey: Running, ann: User, ben: User) -> World:
    ann.http.post(NOTES, json={"key": "a second page"})
    note = ann.http.post(NOTES, json={"key": "the target of bad input", "secret": "hush"}).json()
    diary = ann.http.post("/records/diaries", json={"title": "not for Ben"}).json()
    return World(covey, ann, ben, note["id"], diary["id"])


@pytest.fixture(scope="module", autouse=True)
def unchanged(world: World) -> Iterator[None]:
    before = world.state()
    yield
    assert world.state() == before


def within(ask: Callable[[], Any]) -> Any:
    """What `ask` gives; fails when it takes too long three times in a row."""
    best = 60.0
    for _ in range(3):
        started = time.perf_counter()
        found = ask()
        best = min(best, time.perf_counter() - started)
        if best < SECONDS:
            return found
    raise AssertionError(f"answered after {best:.2f} s")


def hold_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    assert problem["status"] == status
    assert set(problem) == {*("type", "title", "status", "code", "detail", "request_id", "errors")}
    assert problem["request_id"]
    assert "Traceback" not in answer.text
    assert "File " not in answer.text


def body(content: str | bytes) -> dict[str, Any]:
    return {"content": content, "headers": JSON}


BODIES: dict[str, tuple[dict[str, Any], int, str]] = {
    "no JSON": (body("{"), 400, "invalid_json"),
    "nothing": (body(""), 400, "invalid_json"),
    "blank": (body(" \n"), 400, "invalid_json"),
    "NUL": (body("\0"), 400, "invalid_json"),
    "a list": (body("[]"), 400, "invalid_json"),
    "a text": (body('"key"'), 400, "invalid_json"),
    "null": (body("null"), 400, "invalid_json"),
    "a key twice": (body('{"key":"a","key":"b"}'), 400, "invalid_json"),
    "NaN": (body('{"key":"a","count":NaN}'), 400, "invalid_json"),
    "Infinity": (body('{"key":"a","count":-Infinity}'), 400, "invalid_json"),
    "a huge exponent": (body('{"key":"a","count":1e3000000}'), 400, "invalid_json"),
    "a million digits": (body('{"count":' + "9" * 900_000 + "}"), 400, "invalid_json"),
    "half a character": (body(r'{"key":"\ud800"}'), 400, "invalid_json"),
    "not UTF-8": (body(b'{"key":"\xff"}'), 400, "invalid_json"),
    "UTF-16": (body('{"key":"a"}'.encode("utf-16")), 400, "invalid_json"),
    "a byte order mark": (body(b'\xef\xbb\xbf{"key":"a"}'), 400, "invalid_json"),
    "more after it": (body('{"key":"a"} {}'), 400, "invalid_json"),
    "a comment": (body('{"key":"a" /* b */}'), 400, "invalid_json"),
    "a single quote": (body("{'key':'a'}"), 400, "invalid_json"),
    "forty deep": (body('{"key":' + DEEP + "}"), 400, "invalid_json"),
    "a hundred thousand deep": (body("[" * 100_000), 400, "invalid_json"),
    "two megabytes": (body('{"key":"' + "x" * 2_000_000 + '"}'), 413, "too_large"),
    "eleven megabytes": (body("x" * 11_000_000), 413, "gateway_refused"),
    "no type": ({"content": '{"key":"a"}'}, 415, "unsupported_media_type"),
    "a form": ({"data": {"key": "a"}}, 415, "unsupported_media_type"),
    "text": (
        {"content": '{"key":"a"}', "headers": {"Content-Type": "text/plain"}},
        *(415, "unsupported_media_type"),
    ),
    "another charset": (
        {"content": '{"key":"a"}', "headers": {"Content-Type": "application/json; charset=utf-7"}},
        *(415, "unsupported_media_type"),
    ),
    "no required field": ({"json": {"count": 1}}, 422, "validation_failed"),
    "null for it": ({"json": {"key": None}}, 422, "validation_failed"),
    "a number for a text": ({"json": {"key": 1}}, 422, "validation_failed"),
    "a list for a text": ({"json": {"key": ["a"]}}, 422, "validation_failed"),
    "an object for a text": ({"json": {"key": {"$inc": 1}}}, 422, "validation_failed"),
    "a text for a number": ({"json": {"key": "a", "count": "1"}}, 422, "validation_failed"),
    "true for a number": ({"json": {"key": "a", "count": True}}, 422, "validation_failed"),
    "a fraction": ({"json": {"key": "a", "count": 1.5}}, 422, "validation_failed"),
    "too long": ({"json": {"key": "x" * 101}}, 422, "validation_failed"),
    "a NUL in a text": ({"json": {"key": "a\0b"}}, 422, "validation_failed"),
    "an unknown field": ({"json": {"key": "a", "kye": "b"}}, 422, "validation_failed"),
    "a prototype": ({"json": {"key": "a", "__proto__": {}}}, 422, "validation_failed"),
    "a system field": ({"json": {"key": "a", "version": 7}}, 422, "validation_failed"),
    "an id": ({"json": {"key": "a", "id": "mine"}}, 422, "custom_ids_not_allowed"),
    "a field of another's": ({"json": {"key": "a", "writer": "0" * 20}}, 403, "field_write_denied"),
    "a taken key": ({"json": {"key": "the target of bad input"}}, 409, "unique_violation"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body_creates_nothing(name: str, world: World) -> None:
    request, status, code = BODIES[name]
    hold_problem(within(lambda: world.ann.http.post(NOTES, **request)), status, code)


@pytest.mark.parametrize("name", [name for name in BODIES if BODIES[name][2] == "invalid_json"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_bad_body_changes_nothing(method: str, name: str, world: World) -> None:
    request, status, code = BODIES[name]
    path = f"{NOTES}/{world.note}"
    hold_problem(within(lambda: world.ann.http.request(method, path, **request)), status, code)


PATCHES: dict[str, tuple[Any, int, str]] = {
    "an unknown operator": ({"count": {"$add": 1}}, 422, "validation_failed"),
    "an operator of another type": ({"key": {"$inc": 1}}, 422, "validation_failed"),
    "an increment by a text": ({"count": {"$inc": "1"}}, 422, "validation_failed"),
    "two operators": ({"count": {"$inc": 1, "$append": [1]}}, 422, "validation_failed"),
    "an unknown field": ({"counter": 1}, 422, "validation_failed"),
    "a required field taken away": ({"key": None}, 422, "validation_failed"),
    "another version": ({"version": 99}, 422, "validation_failed"),
    "another id": ({"id": "0" * 20}, 422, "validation_failed"),
    "beyond all numbers": ({"count": {"$inc": 10**37 * 99}}, 422, "validation_failed"),
}


@pytest.mark.parametrize("name", PATCHES)
def test_a_bad_patch_changes_nothing(name: str, world: World) -> None:
    patch, status, code = PATCHES[name]
    request = {"content": json.dumps(patch), "headers": PATCH}
    path = f"{NOTES}/{world.note}"
    hold_problem(within(lambda: world.ann.http.patch(path, **request)), status, code)


QUERIES: dict[str, tuple[str, str]] = {
    "half a filter": ("filter=key ==", "invalid_filter"),
    "a filter of another language": ("filter=key = 'a' OR 1=1", "invalid_filter"),
    "an unknown name": ("filter=kye == 'a'", "invalid_filter"),
    "a hidden field": ("filter=secret == 'hush'", "invalid_filter"),
    "a hidden field in passing": ("filter=count == 0 || secret > ''", "invalid_filter"),
    "another type": ("filter=key == 1", "invalid_filter"),
    "no truth": ("filter=count + 1", "invalid_filter"),
    "an unknown function": ("filter=exec('ls')", "invalid_filter"),
    "an attribute": ("filter=key.__class__ == 'a'", "invalid_filter"),
    "too long": ("filter=" + "count == 1 || " * 200 + "true", "invalid_filter"),
    "too deep": ("filter=" + "(" * 100 + "true" + ")" * 100, "invalid_filter"),
    "NUL": ("filter=key == '%00'", "invalid_filter"),
    "a bad pattern": ("filter=key.matches('(a+')", "invalid_filter"),
    "an unknown sort": ("sort=kye", "invalid_sort"),
    "a hidden sort": ("sort=secret", "invalid_sort"),
    "nothing to sort by": ("sort=-", "invalid_sort"),
    "the same twice": ("sort=key,key", "invalid_sort"),
    "an unknown field": ("fields=kye", "invalid_fields"),
    "what is no relation": ("expand=key", "invalid_expand"),
    "limit 0": ("limit=0", "invalid_limit"),
    "limit 201": ("limit=201", "invalid_limit"),
    "limit -1": ("limit=-1", "invalid_limit"),
    "limit a text": ("limit=ten", "invalid_limit"),
    "limit in other digits": ("limit=%D9%A1", "invalid_limit"),
    "limit of a million digits": ("limit=" + "9" * 5_000, "invalid_limit"),
    "a made-up cursor": ("cursor=abc", "invalid_cursor"),
    "no cursor": ("cursor=", "invalid_cursor"),
    "a cursor of NULs": ("cursor=%00%00%00", "invalid_cursor"),
    "a cursor of much": ("cursor=" + "A" * 6_000, "invalid_cursor"),
    "an unknown parameter": ("fliter=true", "invalid_parameter"),
    "a parameter twice": ("limit=1&limit=2", "invalid_parameter"),
    "explain maybe": ("explain=maybe", "invalid_parameter"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_bad_query_lists_nothing(name: str, world: World) -> None:
    query, code = QUERIES[name]
    hold_problem(within(lambda: world.ben.http.get(f"{NOTES}?{query}")), 400, code)


def test_a_cursor_holds_for_its_own_list_and_caller(world: World) -> None:
    first = world.ann.http.get(NOTES, params={"limit": "1"})
    cursor = first.json()["next"]
    altered = cursor[:-4] + ("AAAA" if cursor[-4:] != "AAAA" else "BBBB")
    for who, query in (
        (world.ben, {"cursor": cursor, "limit": "1"}),
        (world.ann, {"cursor": cursor, "limit": "1", "filter": "count >= 0"}),
        (world.ann, {"cursor": altered, "limit": "1"}),
        (world.ann, {"cursor": cursor[:-1], "limit": "1"}),
    ):
        answer = within(lambda who=who, query=query: who.http.get(NOTES, params=query))
        hold_problem(answer, 400, "invalid_cursor")


PATHS: dict[str, tuple[str, str, int, str]] = {
    "nowhere": ("GET", "/nowhere", 404, "not_found"),
    "a prefix alone": ("GET", "/records", 404, "not_found"),
    "two slashes": ("GET", "/records//notes", 404, "not_found"),
    "an unknown collection": ("GET", "/records/ntoes", 404, "not_found"),
    "a reserved collection": ("GET", "/records/_catalog", 404, "not_found"),
    "a collection of the table": ("GET", "/records/!catalog", 404, "not_found"),
    "a collection with a dot": ("GET", "/records/notes.0", 404, "not_found"),
    "a collection up": ("GET", "/records/%2e%2e", 404, "not_found"),
    "a very long collection": ("GET", "/records/" + "n" * 5_000, 404, "not_found"),
    "an unknown id": ("GET", NOTES + "/" + "0" * 20, 404, "not_found"),
    "a strange id": ("GET", NOTES + "/%F0%9F%A6%86", 404, "not_found"),
    "an id of NUL": ("GET", NOTES + "/%00", 404, "not_found"),
    "an id with a slash": ("GET", NOTES + "/a%2Fb", 404, "not_found"),
    "an id of 5,000": ("GET", NOTES + "/" + "0" * 5_000, 404, "not_found"),
    "a bad escape": ("GET", NOTES + "/%zz", 400, "invalid_path"),
    "half an escape": ("GET", NOTES + "/%", 400, "invalid_path"),
    "not UTF-8": ("GET", NOTES + "/%ff", 400, "invalid_path"),
    "an overlong slash": ("GET", NOTES + "/%c0%af", 400, "invalid_path"),
    "a patch of a list": ("PATCH", NOTES, 405, "method_not_allowed"),
    "a delete of a list": ("DELETE", NOTES, 405, "method_not_allowed"),
    "a post to a record": ("POST", NOTES + "/" + "0" * 20, 405, "method_not_allowed"),
    "a get of an import": ("GET", NOTES + "/import", 405, "method_not_allowed"),
    "a get of sign-in": ("GET", "/auth/sign-in", 405, "method_not_allowed"),
    "a delete of the home": ("DELETE", "/", 405, "method_not_allowed"),
    "an unknown method": ("FROB", NOTES, 400, "bad_request"),
    "trace": ("TRACE", NOTES, 405, "method_not_allowed"),
    "an unknown job": ("GET", "/jobs/" + "0" * 20, 404, "not_found"),
    "a file without a link": ("GET", "/_files/x/imports/y", 403, "invalid_link"),
    "the administrators' own": ("GET", "/admin/collections", 403, "administrators_only"),
}


@pytest.mark.parametrize("name", PATHS)
def test_a_bad_path_or_method_does_nothing(name: str, world: World) -> None:
    method, path, status, code = PATHS[name]

    def ask() -> httpx.Response:
        return raw(world, method, path, {"Authorization": f"Bearer {world.ann.token}"})

    hold_problem(within(ask), status, code)


HEADERS: dict[str, tuple[str, dict[str, str], int, str]] = {
    "a token of nothing": ("GET", {"Authorization": "Bearer "}, 401, "invalid_token"),
    "no token": ("GET", {"Authorization": "Bearer abc"}, 401, "invalid_token"),
    "three dots": ("GET", {"Authorization": "Bearer a.b.c"}, 401, "invalid_token"),
    "an unsigned token": (
        *("GET", {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."}),
        *(401, "invalid_token"),
    ),
    "basic": ("GET", {"Authorization": "Basic YTpi"}, 401, "invalid_token"),
    "a tag without quotes": ("PATCH", {"If-Match": "1"}, 400, "invalid_precondition"),
    "a tag that is none": ("PATCH", {"If-Match": '"one'}, 400, "invalid_precondition"),
    "a stale tag": ("PATCH", {"If-Match": '"99"'}, 412, "precondition_failed"),
    "a weak tag": ("PATCH", {"If-Match": 'W/"1"'}, 412, "precondition_failed"),
    "of another's version": ("DELETE", {"If-Match": '"2"'}, 412, "precondition_failed"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_bad_header_does_nothing(name: str, world: World) -> None:
    method, headers, status, code = HEADERS[name]
    signed = {"Authorization": f"Bearer {world.ann.token}", **headers}
    content = '{"count": 99}' if method == "PATCH" else ""
    more = PATCH if method == "PATCH" else {}

    def ask() -> httpx.Response:
        path = f"{NOTES}/{world.note}"
        return raw(world, method, path, {**signed, **more}, content)

    hold_problem(within(ask), status, code)


def test_headers_beyond_their_limit_are_refused(world: World) -> None:
    answer = within(lambda: raw(world, "GET", NOTES, {"X-Much": "x" * 12_000}))
    hold_problem(answer, 431, "headers_too_large")


OPTIONS: dict[str, Any] = {
    "an unknown option": {"fromat": "csv"},
    "an unknown format": {"format": "xlsx"},
    "an unknown mode": {"mode": "replace"},
    "a number for null": {"null": 0},
    "a long null": {"null": "x" * 101},
    "a list of columns": {"columns": ["a"]},
    "a number for a column": {"columns": {"a": 1}},
    "null for a format": {"format": None},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_bad_options_start_no_import(name: str, world: World) -> None:
    answer = within(lambda: world.ann.http.post("/records/rows/import", json=OPTIONS[name]))
    hold_problem(answer, 400, "invalid_parameter")


SIGN_UPS: dict[str, tuple[Any, int, str]] = {
    "nothing": ({}, 422, "validation_failed"),
    "no password": ({"email": "x@example.org"}, 422, "validation_failed"),
    "no e-mail": ({"password": "three small ducks"}, 422, "validation_failed"),
    "not an e-mail": ({"email": "x", "password": "three small ducks"}, 422, "validation_failed"),
    "a short password": ({"email": "x@example.org", "password": "duck"}, 422, "validation_failed"),
    "a long password": (
        *({"email": "x@example.org", "password": "x" * 100_000}, 422),
        "validation_failed",
    ),
    "a list for one": (
        *({"email": "x@example.org", "password": ["three small ducks"]}, 422),
        "validation_failed",
    ),
    "roles": (
        {"email": "x@example.org", "password": "three small ducks", "roles": ["admin"]},
        *(403, "field_write_denied"),
    ),
    "a taken e-mail": (
        {"email": "ANN@example.org", "password": "three small ducks"},
        *(409, "unique_violation"),
    ),
}


@pytest.mark.parametrize("name", SIGN_UPS)
def test_a_bad_sign_up_makes_nobody(name: str, world: World) -> None:
    content, status, code = SIGN_UPS[name]
    with world.covey.client() as guest:
        hold_problem(within(lambda: guest.post("/auth/sign-up", json=content)), status, code)


FRAMES: dict[str, tuple[str, str]] = {
    "no JSON": ("{", "invalid_json"),
    "nothing": ("", "invalid_json"),
    "a list": ("[]", "invalid_json"),
    "a key twice": ('{"type":"ping","type":"ping"}', "invalid_json"),
    "deep": (DEEP, "invalid_json"),
    "no type": ("{}", "unknown_message"),
    "an unknown type": ('{"type":"shout"}', "unknown_message"),
    "the type of the gateway's own": ('{"type":"$connect"}', "unknown_message"),
    "a list for a type": ('{"type":["ping"]}', "unknown_message"),
    "no id": ('{"type":"subscribe","collection":"notes"}', "invalid_message"),
    "a long id": (
        json.dumps({"type": "subscribe", "id": "x" * 65, "collection": "notes"}),
        "invalid_message",
    ),
    "no collection": ('{"type":"subscribe","id":"1"}', "invalid_message"),
    "an unknown collection": (
        '{"type":"subscribe","id":"1","collection":"ntoes"}',
        "not_found",
    ),
    "a number for a filter": (
        '{"type":"subscribe","id":"1","collection":"notes","filter":1}',
        "invalid_filter",
    ),
    "half a filter": (
        '{"type":"subscribe","id":"1","collection":"notes","filter":"key =="}',
        "invalid_filter",
    ),
    "a hidden field": (
        '{"type":"subscribe","id":"1","collection":"notes","filter":"secret == \'a\'"}',
        "invalid_filter",
    ),
    "an unknown subscription": ('{"type":"unsubscribe","id":"nine"}', "not_found"),
    "a bad token": ('{"type":"auth","token":"a.b.c"}', "invalid_token"),
    "too much": (json.dumps({"type": "ping", "more": "x" * 32_768}), "frame_too_large"),
}


def test_a_bad_frame_is_answered_and_the_socket_stays_open(world: World) -> None:
    with world.ben.socket(world.covey.socket_url) as listener:
        wrong = {}
        for name, (frame, code) in FRAMES.items():
            answer = within(lambda frame=frame: listener.ask(frame))
            if (answer["type"], answer.get("code")) != ("error", code):
                wrong[name] = answer
        assert wrong == {}
        assert listener.ask({"type": "ping"}) == {"type": "pong"}


def raw(
    world: World, method: str, path: str, headers: dict[str, str], content: str = ""
) -> httpx.Response:
    """A request as it is written: clients mend paths and headers that must arrive bad."""
    parts = urlsplit(world.covey.url)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(content)}"] if content else []
    with socket.create_connection((parts.hostname, parts.port), 30) as connection:
        connection.sendall(("\r\n".join([*lines, "", ""]) + content).encode())
        heard = b""
        while chunk := connection.recv(65_536):
            heard += chunk
    head, _, told = heard.partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    fields = [tuple(line.split(": ", 1)) for line in rest]
    return httpx.Response(int(first.split()[1]), headers=fields, content=told)
