"""What the journal keeps of events and answers: nothing that lets anybody in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.gateway.redaction import HIDDEN, redacted, text

SECRET = "s3cr3t-Value"


def http(path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    return {
        "httpMethod": "POST",
        "path": path,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize(
    "value",
    [
        http("/records/posts", Authorization=f"Bearer {SECRET}"),
        http("/records/posts", Cookie=f"__Host-session={SECRET}"),
        http("/records/posts", **{"X-Api-Key": SECRET}),
        http("/auth/sign-in", {"email": "a@example.test", "password": SECRET}),
        http("/auth/change-password", {"new_password": SECRET, "old": {"passwordAgain": SECRET}}),
        http("/auth/otp", {"code": SECRET}),
        http("/auth/mfa", {"code": 123456, "recovery_code": SECRET}),
        http("/auth/form", f"user=a&password={SECRET}"),
        http("/auth/sign-in", f"not json {SECRET}"),
        {"httpMethod": "POST", "path": "/x", "body": SECRET, "isBase64Encoded": True},
        {"queryStringParameters": {"ticket": SECRET, "code": SECRET, "state": SECRET}},
        {"statusCode": 200, "body": json.dumps({"access_token": SECRET, "refresh_token": SECRET})},
        {"statusCode": 201, "multiValueHeaders": {"Set-Cookie": [SECRET]}, "body": ""},
        {"headers": {"Location": f"https://example.test/cb?code={SECRET}&ok=1"}},
        {"headers": {"Location": f"https://example.test/auth/verify#token={SECRET}"}},
        {"upload": {"url": f"http://127.0.0.1/_files/b/k?signature={SECRET}&expires=1"}},
        {"url": f"https://b.s3.amazonaws.com/k?X-Amz-Signature={SECRET}"},
        {"Records": [{"body": json.dumps({"letter": "reset", "token": SECRET})}]},
        {"Records": [{"body": json.dumps({"deep": json.dumps({"secret": SECRET})})}]},
        {"Records": [{"dynamodb": {"NewImage": {"d": {"M": {"password": {"S": SECRET}}}}}}]},
        {"requestContext": {}, "body": json.dumps({"type": "auth", "token": SECRET})},
        http("/records/posts", f' \n{{"password": "{SECRET}"}}'),
        http("/records/posts", f'{{"password": "{SECRET}"'),
        {"Records": [{"body": json.dumps(json.dumps({"password": SECRET}))}]},
        {"key": {"client_secret": SECRET, "private_key": [SECRET]}},
    ],
)
def test_secrets_are_taken_out_wherever_they_stand(value: Any) -> None:
    kept = json.dumps(redacted(value))
    assert SECRET not in kept
    assert "123456" not in kept
    assert HIDDEN in kept


@pytest.mark.parametrize(
    "line",
    [
        f"calling with Bearer {SECRET}",
        "the key cvk_a1B2c3D4e5",
        "a token eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
        "a token id-eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
        '{"level":"INFO","message":"m","password":"s3cr3t-Value"}',
    ],
)
def test_lines_that_functions_print_are_cleaned_too(line: str) -> None:
    assert HIDDEN in text(line)
    assert not any(part in text(line) for part in (SECRET, "cvk_", "eyJ"))


@pytest.mark.parametrize(
    "value",
    [
        http("/records/posts", {"title": "Hello = world? [1]", "tags": ["a", None], "n": 1.5}),
        {"statusCode": 404, "body": json.dumps({"code": "not_found", "status": 404})},
        {"Records": [{"s3": {"object": {"key": "imports/a b.csv", "size": 5}}}]},
        {"time": "2026-01-01T00:00:00Z", "source": "aws.scheduler", "detail": {}},
        "",
        "plain",
        7,
        None,
        True,
        [],
        {},
    ],
)
def test_what_is_no_secret_stays_as_it_is(value: Any) -> None:
    assert redacted(value) == value


@pytest.mark.timeout(10)
@pytest.mark.parametrize("part", ["eyJ-", "eyJ.", "eyJ-a.", "Bearer ", "cvk_", "?token=&", "?a-"])
def test_what_looks_like_the_beginning_of_a_secret_over_and_over_holds_nobody_up(part: str) -> None:
    assert isinstance(text(part * (256 * 1024 // len(part))), str)


def test_a_value_without_a_bottom_ends() -> None:
    deep: Any = SECRET
    for _ in range(200):
        deep = [deep]
    assert SECRET not in json.dumps(redacted(deep))


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
NAMES = st.sampled_from(["a", "items", "body", "Records", "httpMethod", "title", ""])
SECRETS = st.sampled_from(
    ["password", "newPassword", "Authorization", "refresh_token", "Set-Cookie"]
)


def around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES, inner, max_size=3)
        | inner.map(json.dumps)  # as the body of a request, the body of a message in it …
    )


KEPT = st.dictionaries(SECRETS, st.just(SECRET) | st.just([SECRET]), min_size=1)


@given(st.recursive(KEPT | PLAIN, around, max_leaves=12))
def test_a_member_that_is_named_so_is_found_however_deep_it_stands(value: Any) -> None:
    assert SECRET not in json.dumps(redacted(value))


@given(st.recursive(PLAIN, around, max_leaves=12))
def test_whatever_it_is_given_it_answers_in_kind(value: Any) -> None:
    kept = redacted(value)
    assert type(kept) is type(value)
    assert redacted(kept) == kept
