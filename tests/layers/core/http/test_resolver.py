"""From events to routes: greedy resources, decoding exactly once, what is never found."""

from typing import Any

import pytest

from covey.errors import BadRequest, NotFound
from covey.http.resolver import Resolver
from covey.testing.events import http_event

PATTERNS = [
    "/",
    "/health",
    "/.well-known/jwks.json",
    "/records/{collection}",
    "/records/{collection}/import",
    "/records/{collection}/{id}",
    "/auth/sign-in",
    "/jobs/{id}/rows",
]
RESOLVER = Resolver(PATTERNS)


def event(path: str) -> dict[str, Any]:
    return http_event("GET", path)


@pytest.mark.parametrize(
    ("path", "pattern", "parameters"),
    [
        pytest.param("/", "/", {}, id="root"),
        pytest.param("/health", "/health", {}, id="literal"),
        pytest.param("/.well-known/jwks.json", "/.well-known/jwks.json", {}, id="dots"),
        pytest.param("/records/posts", "/records/{collection}", {"collection": "posts"}, id="one"),
        pytest.param(
            "/records/posts/import",
            "/records/{collection}/import",
            {"collection": "posts"},
            id="a-literal-goes-before-a-parameter",
        ),
        pytest.param(
            "/records/posts/a%20b",
            "/records/{collection}/{id}",
            {"collection": "posts", "id": "a b"},
            id="decoded",
        ),
        pytest.param(
            "/records/posts/100%2525",
            "/records/{collection}/{id}",
            {"collection": "posts", "id": "100%25"},
            id="decoded-exactly-once",
        ),
        pytest.param(
            "/records/posts/a+b",
            "/records/{collection}/{id}",
            {"collection": "posts", "id": "a+b"},
            id="a-plus-is-a-plus",
        ),
        pytest.param(
            "/records/posts/%F0%9F%98%80",
            "/records/{collection}/{id}",
            {"collection": "posts", "id": "😀"},
            id="utf-8",
        ),
        pytest.param(
            "/records/posts/%69mport",
            "/records/{collection}/import",
            {"collection": "posts"},
            id="an-escaped-literal-is-the-literal",
        ),
        pytest.param(
            "/records/posts/%7Bid%7D",
            "/records/{collection}/{id}",
            {"collection": "posts", "id": "{id}"},
            id="braces-are-a-value",
        ),
        pytest.param(
            "/records/%252e%252e/x",
            "/records/{collection}/{id}",
            {"collection": "%2e%2e", "id": "x"},
            id="dots-twice-encoded-stay",
        ),
    ],
)
def test_finds(path: str, pattern: str, parameters: dict[str, str]) -> None:
    assert RESOLVER.resolve(event(path)) == (pattern, parameters)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/nowhere", id="unknown"),
        pytest.param("/records", id="shorter"),
        pytest.param("/records/", id="nothing-after-the-slash"),
        pytest.param("/records/posts/", id="empty-last"),
        pytest.param("/records//x", id="empty-middle"),
        pytest.param("/records/posts/x/y", id="longer"),
        pytest.param("//health", id="double-slash"),
        pytest.param("/records/posts/a%2Fb", id="encoded-slash"),
        pytest.param("/records/posts%2Fa", id="encoded-slash-for-a-separator"),
        pytest.param("/records/posts/a%00", id="nul"),
        pytest.param("/records/posts/" + "a" * 9_000, id="very-long"),
        pytest.param("/Health", id="case"),
    ],
)
def test_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        RESOLVER.resolve(event(path))


@pytest.mark.parametrize(
    "segment", ["%", "%4", "%zz", "a%2", "%ff", "%C0%AF", "%ED%A0%80", "%u0041"]
)
def test_a_bad_escape_is_a_bad_request(segment: str) -> None:
    with pytest.raises(BadRequest) as caught:
        RESOLVER.resolve(event(f"/records/posts/{segment}"))
    assert caught.value.code == "invalid_path"


def test_takes_events_of_a_literal_resource_as_chalice_local_makes_them() -> None:
    literal = event("/records/posts/a%20b")
    literal["requestContext"]["resourcePath"] = "/records/{collection}/{id}"
    literal["pathParameters"] = {"collection": "posts", "id": "a%20b"}
    assert RESOLVER.resolve(literal)[1] == {"collection": "posts", "id": "a b"}


def test_stage_and_base_path_do_not_matter() -> None:
    mapped = event("/records/posts")
    mapped["path"] = "/base/records/posts"
    mapped["requestContext"]["path"] = "/live/base/records/posts"
    assert RESOLVER.resolve(mapped)[0] == "/records/{collection}"


@pytest.mark.parametrize("hollow", [{}, {"requestContext": None}, {"path": ""}, {"path": None}])
def test_an_event_without_a_path_is_not_found(hollow: dict[str, Any]) -> None:
    with pytest.raises(NotFound):
        RESOLVER.resolve(hollow)


def test_a_parameter_that_looks_like_a_pattern_is_not_expanded_again() -> None:
    sly = event("/records/x")
    sly["pathParameters"] = {"proxy": "{proxy+}/y"}
    assert RESOLVER.resolve(sly)[1] == {"collection": "{proxy+}", "id": "y"}
