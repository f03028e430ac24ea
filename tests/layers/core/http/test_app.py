"""CoveyApp: dispatch, failures, headers."""

import json as stdlib
import logging
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from chalice.app import ConflictError

from covey.errors import (
    Conflict,
    CoveyError,
    FieldError,
    Forbidden,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from covey.http import CoveyApp, Parameter, Request, Response, Routes, lambda_handler, observe
from covey.identity.principal import GUEST
from covey.insight import meter
from covey.testing.events import http_event

SECRET = "hunter2-in-the-cause"
FAILURES: dict[str, Exception] = {
    "missing": NotFound("record"),
    "refused": Forbidden(),
    "guest": Unauthenticated(),
    "busy": TooManyRequests(retry_after=7),
    "away": Unavailable("The database throttles.", retry_after=3),
    "taken": Conflict(code="unique_violation", errors=[FieldError("email", "taken", "Taken.")]),
    "chalice": ConflictError("Changed meanwhile."),
    "bug": RuntimeError(SECRET),
    "key": KeyError(SECRET),
}


def routes() -> Routes:
    made = Routes("things")

    @made.get("/records/{collection}", summary="List", query=(Parameter("limit", "How many"),))
    def things(request: Request, collection: str) -> Any:
        return {"items": [collection], "limit": request.query("limit")}

    @made.post("/records/{collection}", summary="Create")
    def create(request: Request, collection: str) -> Response:
        location = f"/records/{collection}/1"
        return Response(
            request.json(), status=201, location=location, etag='"1"', next="/x?cursor=a"
        )

    @made.get("/records/{collection}/{id}", summary="Read")
    def read(request: Request, collection: str, id: str) -> Any:
        meter.add(rru=0.5, db_ms=1.25)
        return {"collection": collection, "id": id, "caller": request.principal.scope}

    @made.delete("/records/{collection}/{id}", summary="Delete")
    def delete(request: Request, collection: str, id: str) -> None:
        return None

    @made.get("/auth/{kind}", summary="Fail")
    def fail(request: Request, kind: str) -> Any:
        raise FAILURES[kind]

    @made.get("/admin/nan", summary="An answer that cannot be written")
    def nan(request: Request) -> Response:
        return Response({"a": Decimal("NaN")}, etag='"1"')

    @made.get("/admin/bytes", summary="Octets")
    def octets(request: Request) -> Response:
        return Response(b"\x00\xff", headers={"Content-Type": "image/png"})

    @made.get("/admin/cookies", summary="A header twice")
    def cookies(request: Request) -> Response:
        return Response({}, headers={"Set-Cookie": ["a=1", "b=2"]})

    return made


handler = lambda_handler(routes, authenticate=lambda _: GUEST)


def call(method: str, target: str, **options: Any) -> dict[str, Any]:
    return handler(http_event(method, target, **options), None)


def problem(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = stdlib.loads(answer["body"])
    assert set(document) == {"type", "title", "status", "code", "detail", "request_id", "errors"}
    assert document["status"] == answer["statusCode"]
    assert document["request_id"] == answer["headers"]["X-Request-Id"]
    return document


@pytest.fixture
def logged() -> Iterator[list[logging.LogRecord]]:
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    keep = Keep()
    observe.logger().addHandler(keep)
    yield records
    observe.logger().removeHandler(keep)


def test_answers_json() -> None:
    answer = call("GET", "/records/posts/a%20b")
    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "application/json"
    assert answer["body"] == '{"collection":"posts","id":"a b","caller":"guest:"}'
    assert answer["isBase64Encoded"] is False


def test_answers_created() -> None:
    answer = call("POST", "/records/posts", body={"n": Decimal("1.10")})
    assert (answer["statusCode"], answer["body"]) == (201, '{"n":1.10}')
    assert answer["headers"]["Location"] == "/records/posts/1"
    assert answer["headers"]["ETag"] == '"1"'
    assert answer["headers"]["Link"] == '</x?cursor=a>; rel="next"'


def test_nothing_to_say_is_204_without_a_body_or_its_type() -> None:
    answer = call("DELETE", "/records/posts/1")
    assert (answer["statusCode"], answer["body"]) == (204, "")
    assert "Content-Type" not in answer["headers"]


def test_head_is_get_without_the_body() -> None:
    get, head = call("GET", "/records/posts/1"), call("HEAD", "/records/posts/1")
    assert (head["statusCode"], head["body"]) == (200, "")
    assert set(head["headers"]) == set(get["headers"])
    assert call("HEAD", "/nowhere")["body"] == ""


def test_bytes_go_as_base64_whatever_accept_says() -> None:
    answer = call("GET", "/admin/bytes")
    assert (answer["body"], answer["isBase64Encoded"]) == ("AP8=", True)
    assert answer["headers"]["Content-Type"] == "image/png"


def test_a_header_can_be_sent_twice() -> None:
    answer = call("GET", "/admin/cookies")
    assert answer["multiValueHeaders"] == {"Set-Cookie": ["a=1", "b=2"]}
    assert "Set-Cookie" not in answer["headers"]


@pytest.mark.parametrize("path", ["/nowhere", "/records", "/records/a/b/c", "/auth", "/"])
def test_an_unknown_path_is_404(path: str) -> None:
    answer = call("GET", path)
    assert answer["statusCode"] == 404
    assert problem(answer)["code"] == "not_found"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "get", "X"])
def test_another_method_is_405_with_allow(method: str) -> None:
    answer = call(method, "/records/posts")
    assert problem(answer)["code"] == "method_not_allowed"
    assert answer["headers"]["Allow"] == "GET, HEAD, POST"


def test_options_says_which_methods_there_are() -> None:
    answer = call("OPTIONS", "/records/posts")
    assert (answer["statusCode"], answer["body"]) == (204, "")
    assert answer["headers"]["Allow"] == "GET, HEAD, POST"
    assert call("OPTIONS", "/nowhere")["statusCode"] == 404


def test_head_is_not_allowed_where_get_is_not() -> None:
    assert call("HEAD", "/auth/missing")["statusCode"] == 404
    made = Routes("x")
    made.post("/auth/x", summary="x")(lambda request: None)
    app = CoveyApp()
    app.register_blueprint(made)
    answer = app(http_event("HEAD", "/auth/x"), None)
    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "POST")


def test_an_undeclared_parameter_is_refused() -> None:
    assert call("GET", "/records/posts?limit=1")["statusCode"] == 200
    answer = call("GET", "/records/posts?limits=1")
    assert problem(answer)["code"] == "invalid_parameter"
    assert problem(answer)["errors"][0]["field"] == "limits"


@pytest.mark.parametrize(
    ("kind", "status", "code", "header"),
    [
        ("missing", 404, "not_found", {}),
        ("refused", 403, "forbidden", {}),
        ("guest", 401, "unauthenticated", {"WWW-Authenticate": "Bearer"}),
        ("busy", 429, "rate_limited", {"Retry-After": "7"}),
        ("away", 503, "unavailable", {"Retry-After": "3"}),
        ("taken", 409, "unique_violation", {}),
        ("chalice", 409, "conflict", {}),
        ("bug", 500, "internal", {}),
        ("key", 500, "internal", {}),
    ],
)
def test_every_failure_is_a_problem(
    kind: str, status: int, code: str, header: dict[str, str]
) -> None:
    answer = call("GET", f"/auth/{kind}")
    document = problem(answer)
    assert (document["status"], document["code"]) == (status, code)
    assert header.items() <= answer["headers"].items()
    assert answer["headers"]["Cache-Control"] == "no-store"
    assert SECRET not in stdlib.dumps(answer)


def test_faults_of_fields_are_listed() -> None:
    document = problem(call("GET", "/auth/taken"))
    assert document["errors"] == [{"field": "email", "code": "taken", "message": "Taken."}]


def test_the_cause_of_our_failure_is_logged(logged: list[logging.LogRecord]) -> None:
    answer = call("GET", "/auth/bug")
    failed = [record for record in logged if record.msg == "failed"]
    assert [record.exc_info[1] for record in failed if record.exc_info] == [FAILURES["bug"]]
    assert failed[0].__dict__["request_id"] == answer["headers"]["X-Request-Id"]


def test_the_caller_s_own_failures_are_not_logged_as_ours(logged: list[logging.LogRecord]) -> None:
    call("GET", "/auth/missing")
    assert [record.msg for record in logged] == ["request"]


def test_an_answer_that_cannot_be_written_is_our_failure(logged: list[logging.LogRecord]) -> None:
    answer = call("GET", "/admin/nan")
    assert problem(answer)["code"] == "internal"
    assert "ETag" not in answer["headers"]
    assert [record.msg for record in logged] == ["failed", "request"]
    assert logged[1].__dict__["status"] == 500


def test_a_line_per_request_without_what_was_sent(logged: list[logging.LogRecord]) -> None:
    call("GET", "/records/posts/private-id", token="a-token", headers={"X-Secret": "s3cret"})
    line = logged[-1].__dict__
    assert line["route"] == "/records/{collection}/{id}"
    assert line["caller"] == "guest:"
    assert (line["status"], line["rru"]) == (200, 0.5)
    text = repr(line)
    assert not any(secret in text for secret in ("private-id", "a-token", "s3cret"))


def test_every_answer_says_who_how_long_and_how_much() -> None:
    answer = call("GET", "/records/posts/1", request_id="r-7")
    headers = answer["headers"]
    assert headers["X-Request-Id"] == "r-7"
    assert headers["Server-Timing"].startswith("db;dur=1.25, app;dur=")
    assert headers["Covey-Cost"] == "rru=0.5, wru=0, usd=0.0000000625"
    assert call("GET", "/records/posts")["headers"]["Covey-Cost"].startswith("rru=0, wru=0")


@pytest.mark.parametrize("target", ["/records/posts", "/nowhere", "/auth/bug", "/admin/bytes"])
def test_every_answer_keeps_browsers_safe(target: str) -> None:
    headers = call("GET", target)["headers"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.parametrize(
    ("method", "options", "expected"),
    [
        ("GET", {}, "no-cache"),
        ("GET", {"token": "t"}, "no-store"),
        ("GET", {"headers": {"Cookie": "a=b"}}, "no-store"),
        ("HEAD", {"token": "t"}, "no-store"),
        ("POST", {"body": {}}, "no-store"),
    ],
)
def test_answers_to_callers_are_never_stored(
    method: str, options: dict[str, Any], expected: str
) -> None:
    assert call(method, "/records/posts", **options)["headers"]["Cache-Control"] == expected


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"requestContext": {}},
        {"requestContext": {"resourcePath": "/records/{proxy+}", "httpMethod": "GET"}},
        {"resource": "/health", "path": "/health", "httpMethod": "GET"},
        {"requestContext": {"resourcePath": "/records/posts", "httpMethod": "GET"}},
    ],
)
def test_a_hollow_event_is_answered(event: dict[str, Any]) -> None:
    answer = handler(event, None)
    assert answer["statusCode"] in (200, 404)


def test_a_header_cannot_be_split_by_its_value() -> None:
    made = Routes("x")

    @made.get("/x", summary="x")
    def split(request: Request) -> Response:
        return Response({}, location="/a\r\nSet-Cookie: a=b")

    answer = lambda_handler(lambda: made)(http_event("GET", "/x"), None)
    assert answer["statusCode"] == 500
    assert "Location" not in answer["headers"]


def test_plain_chalice_routes_and_middleware_work_too() -> None:
    app = CoveyApp(authenticate=lambda _: GUEST)
    seen: list[str] = []

    @app.middleware("http")
    def watch(event: Any, get_response: Any) -> Any:
        seen.append(event.path)
        return get_response(event)

    @app.route("/records/{name}")
    def plain(name: str) -> dict[str, Any]:
        assert app.current_request is not None
        return {"name": name, "method": app.current_request.method}

    answer = app(http_event("GET", "/records/a%20b"), None)
    assert answer["body"] == '{"name":"a b","method":"GET"}'
    assert seen == ["/records/{name}"]


def test_middleware_that_fails_is_a_problem() -> None:
    app = CoveyApp()
    app.register_blueprint(routes())

    @app.middleware("http")
    def broken(event: Any, get_response: Any) -> Any:
        raise RuntimeError(SECRET)

    answer = app(http_event("GET", "/records/posts"), None)
    assert problem(answer)["code"] == "internal"


def test_a_factory_serves_many_apps() -> None:
    for _ in range(2):
        app = CoveyApp(authenticate=lambda _: GUEST)
        app.register_blueprint(routes())
        assert app(http_event("POST", "/records/posts", body={}), None)["statusCode"] == 201


def test_every_error_of_the_family_has_its_own_status_line() -> None:
    def family(kind: type[CoveyError]) -> Iterator[type[CoveyError]]:
        for child in kind.__subclasses__():
            yield child
            yield from family(child)

    # Those that callers see are all in one module; a part's own, such as FilesInvalid, may share.
    declared = [kind for kind in family(CoveyError) if kind.__module__ == "covey.errors"]
    codes = [kind.default_code for kind in declared]
    assert len(codes) == 14
    assert len(codes) == len(set(codes))
