"""Answers of the gateway itself: preflights, and refusals as GatewayResponses word them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from infra.gateway.apigateway import Headers, Response
from infra.gateway.city import Cors, GatewayResponse, HttpApi
from infra.gateway.routes import Match

_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9.]+)|\$\{context\.([A-Za-z0-9.]+)\}")


# What keeps browsers safe from a refusal, whatever it says.
_SAFE = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"sandbox",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A refusal: API Gateway's name and status, and a problem's code where none is worded."""

    name: str
    status: int
    code: str
    detail: str


NO_PATH = Kind("MISSING_AUTHENTICATION_TOKEN", 404, "not_found", "No such path.")
NO_METHOD = Kind("", 405, "method_not_allowed", "This path does not answer this method.")
BODY_TOO_LARGE = Kind("REQUEST_TOO_LARGE", 413, "too_large", "Request Too Long")
HEAD_TOO_LARGE = Kind("", 431, "headers_too_large", "The headers are over 10,240 bytes.")
SLOW_BODY = Kind("", 408, "request_timeout", "The body did not come in time.")
BAD_ANSWER = Kind("DEFAULT_5XX", 502, "function_failed", "Internal server error")
FAILED = Kind("INTEGRATION_FAILURE", 502, "function_failed", "Internal server error")
TIMED_OUT = Kind("INTEGRATION_TIMEOUT", 504, "function_timeout", "Endpoint request timed out")
BUSY = Kind("THROTTLED", 503, "busy", "Every worker of this function is busy.")


class Refusals:
    """Renders refusals for one API."""

    def __init__(self, api: HttpApi) -> None:
        self._responses = api.responses
        self._cors = api.cors

    def refuse(
        self, kind: Kind, request_id: str, *, detail: str = "", headers: Headers | None = None
    ) -> Response:
        """The answer to a request that no function answers."""
        fallback = "DEFAULT_4XX" if kind.status < 500 else "DEFAULT_5XX"
        worded = None
        if kind.name:  # the others are not API Gateway's, so no template words them
            worded = self._responses.get(kind.name) or self._responses.get(fallback)
        said: Headers = [*(headers or []), (b"x-amzn-requestid", request_id.encode())]
        if kind is BUSY:
            said.append((b"retry-after", b"1"))
        text = detail or kind.detail
        if worded is None or not worded.body:
            usual = self._responses.get(fallback)
            return self._problem(kind, request_id, text, [*said, *self._usual(usual)])
        return _render(worded, kind, request_id, text, said)

    def _usual(self, worded: GatewayResponse | None) -> Headers:
        """What refusals carry that the template does not word: as those of their class do."""
        values = {**_SAFE, **_headers(worded)} if worded else dict(_SAFE)
        if self._cors is not None:
            values.setdefault(b"access-control-allow-origin", self._cors.origin.encode())
        values.pop(b"content-type", None)
        return list(values.items())

    def _problem(self, kind: Kind, request_id: str, detail: str, said: Headers) -> Response:
        problem = {
            "type": "about:blank",
            "title": HTTPStatus(kind.status).phrase,
            "status": kind.status,
            "code": kind.code,
            "detail": detail,
            "request_id": request_id,
            "errors": [],
        }
        said = [*said, (b"content-type", b"application/problem+json")]
        return Response(kind.status, said, json.dumps(problem).encode())


def _render(
    worded: GatewayResponse, kind: Kind, request_id: str, detail: str, said: Headers
) -> Response:
    status = worded.status or kind.status
    context: Mapping[str, str] = {
        "requestId": request_id,
        "status": str(status),
        "error.message": detail,
        "error.messageString": json.dumps(detail),
        "error.responseType": kind.name,
    }
    body = _VARIABLE.sub(lambda m: context.get(m[1] or m[2], ""), worded.body)
    headers = {b"content-type": b"application/json", **_headers(worded)}
    return Response(status, [*said, *headers.items()], body.encode())


def _headers(worded: GatewayResponse) -> dict[bytes, bytes]:
    return {name.lower().encode(): value.encode() for name, value in worded.headers.items()}


def unready() -> Response:
    """The answer while there is nothing to answer from."""
    return Response(503, [(b"retry-after", b"1"), *_SAFE.items()], b"")


def preflight(cors: Cors, match: Match) -> Response:
    """The answer to OPTIONS where the API has Cors settings, as the mock that SAM declares."""
    methods = cors.methods or ",".join(match.allowed)
    headers = [
        (b"access-control-allow-origin", cors.origin.encode()),
        (b"access-control-allow-methods", methods.encode()),
    ]
    if cors.headers:
        headers.append((b"access-control-allow-headers", cors.headers.encode()))
    if cors.max_age:
        headers.append((b"access-control-max-age", cors.max_age.encode()))
    if cors.credentials:
        headers.append((b"access-control-allow-credentials", b"true"))
    return Response(200, headers, b"")
