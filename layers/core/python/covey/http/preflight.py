"""The answer to a browser that asks whether a page of another origin may call (Fetch, 4.8).

It is the same for every path, known or not, and touches nothing. API Gateway could answer by
itself, but with one fixed origin only.
"""

from __future__ import annotations

from covey.http import origins
from covey.http.request import Request
from covey.http.response import Response, no_content


def asks(request: Request) -> bool:
    """Whether this is a preflight."""
    return (
        request.method == "OPTIONS"
        and request.has_header("origin")
        and request.has_header("access-control-request-method")
    )


def answer() -> Response:
    """What may be sent; whether by this origin is in a header of every answer."""
    response = no_content()
    response.headers.update(
        {
            "Access-Control-Allow-Methods": origins.METHODS,
            "Access-Control-Allow-Headers": origins.ALLOWED_HEADERS,
            "Access-Control-Max-Age": str(origins.PREFLIGHT_SECONDS),
        }
    )
    return response
