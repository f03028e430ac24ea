"""The headers of every answer."""

from __future__ import annotations

from covey.http import origins, pace
from covey.http.cookies import secure
from covey.http.request import Request
from covey.http.response import Response
from covey.insight.meter import Meter

_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Access-Control-Expose-Headers": (
        "Allow, Covey-Cost, ETag, Idempotency-Replayed, Link, Location, RateLimit, "
        "RateLimit-Policy, Retry-After, Server-Timing, WWW-Authenticate, X-Request-Id"
    ),
}
_CREDENTIALS = ("authorization", "cookie", "x-api-key")
_ACCOUNTS = "/auth/"  # where answers hold credentials, or say who has which
_LOOKED = Meter(rru=0.5)  # what looking for a record costs at least


def finish(response: Response, request: Request, spent: Meter, elapsed_ms: float) -> None:
    """Add what every answer carries; what the route has set stays.

    Answers to a caller who showed a credential, answers to writes and all of /auth are never
    stored; what a guest reads elsewhere may be, if it is asked for again each time (RFC 9111,
    5.2.2.4).
    """
    headers = response.headers
    for name, value in _SAFE.items():
        headers.setdefault(name, value)
    _say_who_may_read(response, request)
    headers.setdefault("Cache-Control", "no-store" if _is_private(request) else "no-cache")
    if request.set_cookies:
        own = headers.get("Set-Cookie", [])
        headers["Set-Cookie"] = [*([own] if isinstance(own, str) else own), *request.set_cookies]
        headers["Cache-Control"] = "no-store"
    if secure():
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    headers["X-Request-Id"] = request.id
    pace.tell(request, response)
    if response.status_code == 404:
        # What is hidden answers as what is missing: units and milliseconds would tell them apart,
        # and how large the record is. The log has what was really spent.
        spent = _LOOKED
    app_ms = max(elapsed_ms - spent.db_ms, 0.0)
    headers["Server-Timing"] = f"db;dur={spent.db_ms:.2f}, app;dur={app_ms:.2f}"
    headers["Covey-Cost"] = f"rru={spent.rru:g}, wru={spent.wru:g}, usd={spent.usd:.10f}"


def _say_who_may_read(response: Response, request: Request) -> None:
    origin = origins.allowed(request)
    if origin is not None:
        response.headers.setdefault("Access-Control-Allow-Origin", origin)
    differs = "Authorization, Cookie" if origins.any_may_call() else "Authorization, Cookie, Origin"
    response.headers.setdefault("Vary", differs)


def _is_private(request: Request) -> bool:
    return (
        request.method not in ("GET", "HEAD")
        or request.route.startswith(_ACCOUNTS)
        or any(request.has_header(name) for name in _CREDENTIALS)
    )
