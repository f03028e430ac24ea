"""Failures as problem documents (RFC 9457): the one place that renders them."""

from __future__ import annotations

from typing import Any

from chalice.app import ChaliceViewError

from covey.errors import (
    BadRequest,
    Conflict,
    CoveyError,
    Forbidden,
    Invalid,
    TooManyRequests,
    Unauthenticated,
)
from covey.http.response import Response

MEDIA_TYPE = "application/problem+json"


def document(error: CoveyError, request_id: str) -> dict[str, Any]:
    """The problem document of an error that a caller may see.

    Clients go by `code`, so `type` is ``about:blank`` (RFC 9457, 4.2.1), as in the answers of
    API Gateway itself; `detail` is for people.
    """
    return {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        "request_id": request_id,
        "errors": [
            {"field": fault.field, "code": fault.code, "message": fault.message}
            for fault in error.errors
        ],
    }


def render(error: CoveyError, request_id: str) -> Response:
    """The answer for an error; its `code` is kept on the response for the access line."""
    response = Response(
        document(error, request_id),
        status=error.status,
        headers={**error.headers, "Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"},
    )
    response.code = error.code
    return response


def unexpected(request_id: str) -> Response:
    """The answer for a failure that is ours: the caller learns the request id, no more."""
    return render(unforeseen(), request_id)


def unforeseen() -> CoveyError:
    """What is told of a failure that is ours."""
    return CoveyError("Something went wrong here. The request id helps to find it in the log.")


def from_chalice(error: ChaliceViewError) -> CoveyError:
    """Chalice's own view errors, which a team's plain Chalice routes may raise, as ours."""
    return _KINDS.get(error.STATUS_CODE, BadRequest)(str(error))


_KINDS: dict[int, type[CoveyError]] = {
    kind.status: kind
    for kind in (BadRequest, Unauthenticated, Forbidden, Conflict, Invalid, TooManyRequests)
}
