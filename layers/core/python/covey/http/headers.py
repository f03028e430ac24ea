"""The headers of every answer."""

from __future__ import annotations

from covey.config import settings
from covey.http.request import Request
from covey.http.response import Response
from covey.insight.meter import Meter

_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Access-Control-Expose-Headers": (
        "Allow, Covey-Cost, ETag, Idempotency-Replayed, Link, Location, Retry-After, "
        "Server-Timing, WWW-Authenticate, X-Request-Id"
    ),
}
_LOOKED = Meter(rru=0.5)  # what looking for a record costs at least


def finish(response: Response, request: Request, spent: Meter, elapsed_ms: float) -> None:
    """Add what every answer carries; what the route has set stays.

    Answers to a caller who showed a credential, and answers to writes, are never stored; what
    a guest reads may be, if it is asked for again each time (RFC 9111, 5.2.2.4).
    """
    headers = response.headers
    for name, value in _SAFE.items():
        headers.setdefault(name, value)
    origin = settings().allowed_origin
    headers.setdefault("Access-Control-Allow-Origin", origin)
    private = request.method not in ("GET", "HEAD") or _shows_credential(request)
    headers.setdefault("Cache-Control", "no-store" if private else "no-cache")
    headers.setdefault("Vary", "Authorization" if origin == "*" else "Authorization, Origin")
    if settings().public_url.startswith("https://"):
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    headers["X-Request-Id"] = request.id
    if response.status_code == 404:
        # What is hidden answers as what is missing: units and milliseconds would tell them apart,
        # and how large the record is. The log has what was really spent.
        spent = _LOOKED
    app_ms = max(elapsed_ms - spent.db_ms, 0.0)
    headers["Server-Timing"] = f"db;dur={spent.db_ms:.2f}, app;dur={app_ms:.2f}"
    headers["Covey-Cost"] = f"rru={spent.rru:g}, wru={spent.wru:g}, usd={spent.usd:.10f}"


def _shows_credential(request: Request) -> bool:
    return any(request.has_header(name) for name in ("authorization", "cookie", "x-api-key"))
