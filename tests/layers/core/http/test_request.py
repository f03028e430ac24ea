"""What routes can ask of a request."""

from typing import Any

import pytest

from covey.errors import BadRequest, TooLarge, Unauthenticated, UnsupportedMedia
from covey.http import Request
from covey.identity.principal import GUEST, Principal
from covey.testing.events import http_event

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def request(method: str = "POST", target: str = "/records/posts", **options: Any) -> Request:
    return Request(http_event(method, target, **options), None, lambda _: GUEST)


def code_of(exc: pytest.ExceptionInfo[BadRequest]) -> str:
    return exc.value.code


def test_headers_by_any_case() -> None:
    asked = request(headers={"IF-match": '"3"'})
    assert asked.header("If-Match") == '"3"'
    assert asked.header("if-none-match") is None


def test_a_list_header_given_twice_is_joined() -> None:
    assert request(headers={"Accept": ["a/b", "c/d"]}).header("accept") == "a/b, c/d"


@pytest.mark.parametrize("name", ["Authorization", "If-Match", "Content-Type", "Idempotency-Key"])
def test_a_single_header_given_twice_is_refused(name: str) -> None:
    with pytest.raises(BadRequest) as caught:
        request(headers={name: ["a", "b"]}).header(name)
    assert code_of(caught) == "repeated_header"


def test_the_same_header_in_two_cases_is_given_twice() -> None:
    with pytest.raises(BadRequest):
        request(headers={"Authorization": "a", "authorization": "b"}).header("authorization")


@pytest.mark.parametrize("sent", ["//evil.example/records", "///evil.example/records"])
def test_a_path_names_no_other_server(sent: str) -> None:
    event = http_event("POST", "/records/posts")
    event["requestContext"]["path"] = event["path"] = sent
    assert Request(event, None, lambda _: GUEST).path == "/evil.example/records"


def test_query_parameters_come_decoded() -> None:
    assert request("GET", "/x?filter=a%20%3D%3D%20%22%C3%A9%22").query("filter") == 'a == "é"'
    assert request("GET", "/x?filter=").query("filter") == ""
    assert request("GET", "/x").query("filter") is None


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        request("GET", "/x?limit=1&limit=2").query("limit")
    assert code_of(caught) == "invalid_parameter"
    assert caught.value.errors[0].field == "limit"


def test_a_parameter_with_a_lone_surrogate_is_refused() -> None:
    event = http_event("GET", "/x?q=a")
    event["multiValueQueryStringParameters"]["q"] = ["\ud800"]
    with pytest.raises(BadRequest):
        Request(event, None, lambda _: GUEST).query("q")


def test_an_unknown_parameter_is_refused_with_a_hint() -> None:
    with pytest.raises(BadRequest) as caught:
        request("GET", "/x?limt=1").only({"limit", "sort"})
    assert code_of(caught) == "invalid_parameter"
    assert "did you mean limit?" in caught.value.detail


@pytest.mark.parametrize("text", ["1", "yes", "True", "", "TRUE"])
def test_a_flag_is_true_or_false(text: str) -> None:
    assert request("GET", "/x?explain=true").flag("explain")
    assert not request("GET", "/x?explain=false").flag("explain")
    with pytest.raises(BadRequest):
        request("GET", f"/x?explain={text}").flag("explain")


@pytest.mark.parametrize("text", ["0", "201", "-1", "1.0", "1e1", " 1", "٣", "9" * 5000, ""])
def test_a_whole_number_within_bounds(text: str) -> None:
    assert request("GET", "/x?limit=200").integer("limit", 30, 1, 200) == 200
    assert request("GET", "/x").integer("limit", 30, 1, 200) == 30
    with pytest.raises(BadRequest):
        request("GET", f"/x?limit={text}").integer("limit", 30, 1, 200)


@pytest.mark.parametrize("base64_body", [False, True])
def test_json_in_either_encoding_of_the_event(base64_body: bool) -> None:
    assert request(body={"a": "é"}, base64_body=base64_body).json() == {"a": "é"}


@pytest.mark.parametrize(
    "media",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; profile=x",
    ],
)
def test_json_in_any_spelling_of_its_type(media: str) -> None:
    assert request(headers={"Content-Type": media}, body='{"a":1}').json() == {"a": 1}


@pytest.mark.parametrize(
    "media",
    ["text/plain", "application/jsonp", "application/json-patch+json", "", "text/json",
     "application/json; charset=latin-1", "multipart/form-data", "application/merge-patch+json"],
)  # fmt: skip
def test_json_of_another_type_is_refused(media: str) -> None:
    with pytest.raises(UnsupportedMedia):
        request(headers={"Content-Type": media}, body='{"a":1}').json()


def test_json_without_a_type_is_refused() -> None:
    with pytest.raises(UnsupportedMedia):
        request(body='{"a":1}').json()


@pytest.mark.parametrize("media", ["application/merge-patch+json", "application/json"])
def test_merge_patches(media: str) -> None:
    patch = request("PATCH", headers={"Content-Type": media}, body='{"a":null}')
    assert patch.merge_patch() == {"a": None}


@pytest.mark.parametrize("text", ["[]", "1", '"a"', "null", ""])
def test_only_an_object_will_do(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        request(headers={"Content-Type": "application/json"}, body=text).json()
    assert code_of(caught) == "invalid_json"


def test_a_body_over_its_limit_is_refused() -> None:
    with pytest.raises(TooLarge):
        request(headers={"Content-Type": "application/json"}, body="[" + "1," * 600_000).json()


@pytest.mark.parametrize("damaged", ["a", "ab=c", "****", "aGk", "é"])
def test_damaged_base64_is_refused(damaged: str) -> None:
    event = http_event("POST", "/x", headers={"Content-Type": "application/json"}, body=damaged)
    event["isBase64Encoded"] = True
    with pytest.raises(BadRequest) as caught:
        Request(event, None, lambda _: GUEST).json()
    assert code_of(caught) == "invalid_body"


def test_forms() -> None:
    assert request(headers=FORM, body="a=1&b=x%20y+z&c=").form() == {
        "a": "1",
        "b": "x y z",
        "c": "",
    }
    assert request(headers=FORM).form() == {}


@pytest.mark.parametrize(
    "text",
    ["a=1&a=2", "a", "a=%ff", "a=é", "&".join(f"a{n}=1" for n in range(101))],
    ids=["twice", "no-value", "not-utf8", "raw", "too-many"],
)
def test_bad_forms_are_refused(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        request(headers=FORM, body=text).form()
    assert code_of(caught) == "invalid_body"


def test_the_caller_is_verified_when_first_asked_for_and_once() -> None:
    asked: list[str | None] = []

    def authenticate(sent: Request) -> Principal:
        asked.append(sent.header("authorization"))
        return GUEST

    made = Request(http_event("GET", "/x", token="t"), None, authenticate)
    assert made.caller is None
    assert asked == []
    assert made.principal is made.principal is GUEST
    assert asked == ["Bearer t"]


def test_a_bad_credential_fails_each_time() -> None:
    def refuse(_: Request) -> Principal:
        raise Unauthenticated

    made = Request(http_event("GET", "/x", token="t"), None, refuse)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            _ = made.principal


def test_says_where_it_comes_from() -> None:
    made = request("GET", "/records/posts?limit=1", request_id="r-1", source_ip="198.51.100.9")
    assert (made.id, made.ip, made.method, made.path) == (
        "r-1", "198.51.100.9", "GET", "/live/records/posts",
    )  # fmt: skip


def test_a_request_id_sent_by_the_caller_is_not_believed() -> None:
    assert request(headers={"X-Request-Id": "mine"}, request_id="r-1").id == "r-1"
