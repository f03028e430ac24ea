"""REST API events and answers, version 1 of Lambda's proxy integration.

Source: "Set up Lambda proxy integrations in API Gateway", AWS documentation. What a client on
HTTP/1.1 wrote as ``content-type`` arrives as ``Content-Type``: the server under the gateway keeps
names in small letters, and API Gateway's clients mostly write them so. Paths are as on a custom
domain: without the stage.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from zlib import crc32

from infra.gateway.city import HttpApi
from infra.gateway.routes import Match

Headers = list[tuple[bytes, bytes]]

_ANSWER_KEYS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
# About the connection, or the server's own: a function does not decide them.
_NOT_PASSED = frozenset(
    b"connection content-length date keep-alive server te trailer transfer-encoding upgrade".split()
)
_IDENTITY: Mapping[str, Any] = dict.fromkeys(
    (
        "accessKey",
        "accountId",
        "caller",
        "cognitoAuthenticationProvider",
        "cognitoAuthenticationType",
        "cognitoIdentityId",
        "cognitoIdentityPoolId",
        "principalOrgId",
        "user",
        "userArn",
    )
)


class MalformedAnswerError(ValueError):
    """A function returned what API Gateway cannot make an answer of."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, read. ``path`` and ``query`` are as sent."""

    id: str
    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    client: str
    protocol: str
    scheme: str
    port: int


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back to the client."""

    status: int
    headers: Headers
    body: bytes


class Events:
    """Makes events of requests to one API."""

    def __init__(self, api: HttpApi, account: str) -> None:
        self._api = api
        self._account = account
        self._binary = frozenset(kind.lower() for kind in api.binary_media_types)
        self._titles: dict[bytes, str] = {}
        self._second = (0, "")

    def event(self, request: Request, match: Match) -> dict[str, Any]:
        """The event for a request whose resource is known."""
        several = self._headers(request)
        single = {name: values[-1] for name, values in several.items()}
        query = _query(request.query)
        body, encoded = _body(request.body, self._is_binary(single.get("Content-Type", "")))
        return {
            "resource": match.resource,
            "path": request.path,
            "httpMethod": request.method,
            "headers": single,
            "multiValueHeaders": several,
            "queryStringParameters": {k: v[-1] for k, v in query.items()} if query else None,
            "multiValueQueryStringParameters": query or None,
            "pathParameters": match.parameters,
            "stageVariables": dict(self._api.stage_variables) or None,
            "requestContext": self._context(request, match, single),
            "body": body,
            "isBase64Encoded": encoded,
        }

    def _headers(self, request: Request) -> dict[str, list[str]]:
        several: dict[str, list[str]] = {}
        for name, value in request.headers:
            several.setdefault(self._title(name), []).append(value.decode("latin-1"))
        forwarded = ", ".join([*several.get("X-Forwarded-For", ()), request.client])
        several["X-Forwarded-For"] = [forwarded]
        several["X-Forwarded-Port"] = [str(request.port)]
        several["X-Forwarded-Proto"] = [request.scheme]
        if "X-Amzn-Trace-Id" not in several:
            chance = random.getrandbits(96)  # names a request and guards nothing
            several["X-Amzn-Trace-Id"] = [f"Root=1-{int(time.time()):08x}-{chance:024x}"]
        return several

    def _title(self, name: bytes) -> str:
        title = self._titles.get(name)
        if title is None:
            title = "-".join(part.capitalize() for part in name.decode("latin-1").split("-"))
            if len(self._titles) < 1_000:  # callers choose names: no memory without end
                self._titles[name] = title
        return title

    def _context(
        self, request: Request, match: Match, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        now = time.time()
        domain = headers.get("Host", "").rpartition(":")[0] or headers.get("Host", "")
        return {
            "accountId": self._account,
            "apiId": self._api.id,
            "deploymentId": "local0",
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "extendedRequestId": request.id.replace("-", "")[:15] + "=",
            "httpMethod": request.method,
            "identity": {
                **_IDENTITY,
                "sourceIp": request.client,
                "userAgent": headers.get("User-Agent"),
            },
            "path": request.path,
            "protocol": request.protocol,
            "requestId": request.id,
            "requestTime": self._time(int(now)),
            "requestTimeEpoch": int(now * 1000),
            "resourceId": f"{crc32(match.resource.encode()):08x}",
            "resourcePath": match.resource,
            "stage": self._api.stage,
        }

    def _time(self, second: int) -> str:
        if self._second[0] != second:
            text = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second))
            self._second = (second, text)
        return self._second[1]

    def _is_binary(self, media_type: str) -> bool:
        kind = media_type.partition(";")[0].strip().lower()
        return bool(self._binary) and _matches(kind, self._binary)

    def response(self, payload: bytes, accept: str) -> Response:
        """What a function's answer says; raises MalformedAnswerError as API Gateway says 502."""
        answer = json.loads(payload)
        if not isinstance(answer, dict):
            raise MalformedAnswerError("the answer is not an object")
        if unknown := answer.keys() - _ANSWER_KEYS:
            raise MalformedAnswerError(f"unknown members: {', '.join(sorted(unknown))}")
        body = answer.get("body")
        if body is not None and not isinstance(body, str):
            raise MalformedAnswerError("body is not text")
        encoded = answer.get("isBase64Encoded") or False
        if not isinstance(encoded, bool):
            raise MalformedAnswerError("isBase64Encoded is neither true nor false")
        headers = _answer_headers(answer.get("headers"), answer.get("multiValueHeaders"))
        if not any(name == b"content-type" for name, _ in headers):
            headers.append((b"content-type", b"application/json"))
        return Response(
            _status(answer.get("statusCode")), headers, self._decoded(body or "", encoded, accept)
        )

    def _decoded(self, body: str, encoded: bool, accept: str) -> bytes:
        # API Gateway decodes for clients whose first accepted type is one of the binary ones.
        first = accept.partition(",")[0].partition(";")[0].strip().lower()
        if not encoded or not _matches(first, self._binary):
            return body.encode("utf-8", "replace")
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError) as error:
            raise MalformedAnswerError("body is not base64") from error


def _matches(kind: str, kinds: frozenset[str]) -> bool:
    return "*/*" in kinds or kind in kinds or f"{kind.partition('/')[0]}/*" in kinds


def _query(text: str) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    if text:
        for name, value in parse_qsl(text, keep_blank_values=True, errors="replace"):
            values.setdefault(name, []).append(value)
    return values


def _body(body: bytes, binary: bool) -> tuple[str | None, bool]:
    """The body of an event, and whether it is base64."""
    if not body:
        return None, False
    if not binary:
        # API Gateway writes U+FFFD for what is not UTF-8, and a function stores what nobody
        # sent. In base64 it can be refused instead.
        with contextlib.suppress(UnicodeDecodeError):
            return body.decode(), False
    return base64.b64encode(body).decode(), True


def _status(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 200 <= value <= 599:
        raise MalformedAnswerError(f"statusCode is {value!r}")
    return value


def _answer_headers(single: Any, several: Any) -> Headers:
    if not isinstance(single or {}, dict) or not isinstance(several or {}, dict):
        raise MalformedAnswerError("headers are not an object")
    pairs: list[tuple[str, Any]] = []
    for name, values in (several or {}).items():
        if not isinstance(values, list):
            raise MalformedAnswerError(f"multiValueHeaders.{name} is not a list")
        pairs.extend((name, value) for value in values)
    said = {(name.lower(), value) for name, value in pairs if isinstance(value, str)}
    pairs.extend(
        (name, value)
        for name, value in (single or {}).items()
        if not isinstance(value, str) or (name.lower(), value) not in said
    )
    return list(_encoded(pairs))


def _encoded(pairs: Iterable[tuple[str, Any]]) -> Iterable[tuple[bytes, bytes]]:
    for name, value in pairs:
        if value is None:
            continue
        if isinstance(value, (dict, list)):
            raise MalformedAnswerError(f"header {name} is neither text nor number")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not _TOKEN.issuperset(name) or not name or any(c in text for c in "\r\n\0"):
            raise MalformedAnswerError(f"header {name!r} cannot be sent")
        key = name.lower().encode()
        if key not in _NOT_PASSED:
            yield key, text.encode("latin-1", "replace")


_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
