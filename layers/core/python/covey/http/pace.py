"""The limit on requests a minute: RATE_LIMIT, of a caller or, for guests, of an address.

`RateLimit` and `RateLimit-Policy` are those of draft-ietf-httpapi-ratelimit-headers.
"""

from __future__ import annotations

from covey.config import settings
from covey.errors import TooManyRequests, Unauthenticated
from covey.http.request import Request
from covey.http.response import Response
from covey.identity.pace import WINDOW_S
from covey.identity.principal import Kind


def spend(request: Request, count: int = 1) -> None:
    """Count requests of this caller; raises TooManyRequests where they are too many.

    A batch counts as many as it has operations.
    """
    if settings().rate_limit <= 0:
        return
    from covey.wiring import services

    request.standing = services().pace.spend(_who(request), count)
    if not request.standing.allowed:
        raise TooManyRequests(
            "Too many requests in this minute.", retry_after=request.standing.resets
        )


def tell(request: Request, response: Response) -> None:
    """Add the headers that say where the caller stands."""
    standing = request.standing
    if standing is not None:
        policy = f'"minute";q={standing.limit};w={WINDOW_S}'
        response.headers["RateLimit-Policy"] = policy
        response.headers["RateLimit"] = f'"minute";r={standing.left};t={standing.resets}'


def _who(request: Request) -> str:
    try:
        who = request.identified
    except Unauthenticated:  # guesses at credentials count for where they come from
        return f"address:{request.ip}"
    # By who it is, not by which key: more keys buy no more requests.
    return f"address:{request.ip}" if who.kind is Kind.GUEST else f"{who.kind}:{who.id}"
