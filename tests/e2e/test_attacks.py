"""Anything at all, sent to every route of /openapi.json by every kind of caller: never a 5xx."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.running import HOUSE, Running

EXAMPLES = int(os.environ.get("COVEY_ATTACKS", "300"))


@dataclass(frozen=True, repr=False)
class Target:
    """A Covey of its own, as an administrator's attack may change all of it."""

    http: httpx.Client
    tokens: dict[str, str]
    operations: list[tuple[str, str]]
    ids: list[str]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("attacked")
    running = Running(folder, collections=HOUSE / "collections").start()
    root, ann = running.administrator(running.token), running.sign_up("ann@example.org")
    made = [
        ann.http.post("/records/notes", json={"key": f"note {n}", "count": n}).json()["id"]
        for n in range(3)
    ]
    document = ann.http.get("/openapi.json").json()
    operations = [
        (method.upper(), path)
        for path, methods in sorted(document["paths"].items())
        for method in sorted(methods)
        if method in {"get", "put", "post", "patch", "delete"}
    ]
    tokens = {"guest": "", "user": ann.token, "administrator": root.token}
    http = httpx.Client(base_url=running.url, timeout=60)
    yield Target(http, tokens, operations, [*made, ann.id, root.id])
    http.close()
    running.close()


WORDS = [
    *("key", "count", "writer", "secret", "id", "created", "version", "auth", "auth.id", "now"),
    *("==", "!=", "<", ">=", "in", "&&", "||", "!", "+", "-", "*", "/", "%", "?", ":", "(", ")"),
    *("[", "]", ",", ".", "'a'", '"b"', "1", "0", "-1", "1e400", "9" * 40, "true", "null", "{}"),
    *("has(", "size(", "key.matches('", "startsWith(", "timestamp('", "duration('", "exists(x,"),
    *("\\u0000", "\x00", "𝕏", "\ud7ff", "' OR 1=1", "record('notes','a')"),
]
expressions = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=40)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**60), max_value=10**60)
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["", "0" * 20, "2026-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "admin"])
)
NAMES = [
    *("key", "count", "writer", "secret", "id", "version", "email", "password", "roles", "name"),
    *("fields", "rules", "indexes", "unique", "token", "refresh_token", "format", "columns", "ids"),
    *("$inc", "$append", "__proto__", "", "type", "read", "list", "max", "default", "to"),
]
names = st.sampled_from(NAMES) | st.text(max_size=10)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)
COLLECTION = {
    "name": "made",
    "fields": {"a": {"type": "text"}, "b": {"type": "integer", "min": 0}},
    "rules": {"read": "true", "create": "a == 'x'"},
    "indexes": [["a", "-b"]],
}


@st.composite
def altered(draw: st.DrawFn, document: Any) -> Any:
    """A document that is right but for one place."""
    if isinstance(document, dict) and document and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(document)))
        return {**document, key: draw(altered(document[key]))}
    if isinstance(document, list) and document and draw(st.integers(0, 2)):
        return [draw(altered(document[0])), *document[1:]]
    return draw(values | expressions)


sensible = st.sampled_from(
    [
        {"key": "k", "count": 1, "writer": "0" * 20, "secret": "s"},
        {"count": {"$inc": 1}, "key": "k"},
        {"email": "a@example.org", "password": "three small ducks"},
        {"refresh_token": "a.b"},
        {"token": "t", "email": "a@example.org", "password": "three small ducks"},
        {"format": "csv", "mode": "upsert", "null": "NA", "columns": {"a": "b"}},
        COLLECTION,
    ]
)
documents = sensible.flatmap(lambda one: st.just(one) | altered(one)) | values
bodies = documents.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
contents = st.one_of(st.just(b""), bodies, bodies, bodies, st.binary(max_size=200))
types = st.sampled_from(
    [*["application/json"] * 4, "application/merge-patch+json", "text/plain", "", "a/b; c=\x7f"]
)
QUERIES = [
    *("filter", "sort", "limit", "cursor", "fields", "expand", "explain", "system", "confirm"),
    *("dry_run", "q", "count"),
]
queries = st.dictionaries(
    st.sampled_from(QUERIES) | st.text(max_size=8),
    expressions
    | st.sampled_from(["key", "-count", "writer", "writer,-created", "true", "1", "200", "key,id"]),
    max_size=3,
)
headers = st.dictionaries(
    st.sampled_from(["If-Match", "If-None-Match", "Idempotency-Key", "Accept", "Content-Encoding"]),
    st.sampled_from(['"1"', "*", 'W/"1"', '"1", "2"', '"', ",,,", "1", "gzip", "\x7f", "a" * 500]),
    max_size=2,
)
collections = st.sampled_from(
    ["notes", "notes", "users", "rows", "diaries", "made", "_x", "!catalog", ""]
)
methods = st.sampled_from(["", "", "", "", "GET", "PUT", "POST", "PATCH", "DELETE", "HEAD"])


@pytest.mark.timeout(300)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="COVEY_ATTACKS" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_no_request_is_a_failure_of_ours(target: Target, data: st.DataObject) -> None:
    method, pattern = data.draw(st.sampled_from(target.operations), label="operation")
    text = st.text(max_size=20) | st.binary(max_size=8)
    parts = {
        "collection": data.draw(collections | st.text(max_size=8), label="collection"),
        "name": data.draw(collections | st.text(max_size=8), label="name"),
        "id": data.draw(st.sampled_from(target.ids) | text, label="id"),
    }
    path = pattern
    for name, value in parts.items():
        path = path.replace("{" + name + "}", quote(value, safe=""))
    if query := data.draw(queries, label="query"):
        path += "?" + urlencode(query)
    sent = data.draw(headers, label="headers")
    caller = data.draw(st.sampled_from(sorted(target.tokens)), label="caller")
    if token := target.tokens[caller]:
        sent["Authorization"] = f"Bearer {token}"
    if kind := data.draw(types, label="type"):
        sent["Content-Type"] = kind
    method = data.draw(methods, label="method") or method
    content = data.draw(contents, label="content")

    answer = target.http.request(method, path, headers=sent, content=content)

    assert answer.status_code < 500, (method, path, sent, content, answer.text)
    if answer.status_code >= 400 and method != "HEAD":
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["status"] == answer.status_code
        assert problem["code"]
