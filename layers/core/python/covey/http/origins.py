"""Whose pages may call, and which page called (Fetch, 3.2; Fetch Metadata).

Pages of listed origins call with tokens, never with cookies: no answer allows credentials
across origins. A cookie speaks only for pages of this deployment's own origin, `PUBLIC_URL`'s;
`from_own_page` is the check, by headers that no script can set.
"""

from __future__ import annotations

import re
from functools import cache

from covey.config import settings
from covey.http.request import Request

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
ALLOWED_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, traceparent"
)
ANY = "*"
PREFLIGHT_SECONDS = 7200  # the longest that Chromium keeps one
_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_OWN = (None, "same-origin")


@cache
def origin_of(url: str) -> str:
    """The origin of a URL as browsers write it, or "" for what has none (RFC 6454, 6.2)."""
    head = "/".join(url.split("/", 3)[:3]).lower()
    match = _ORIGIN.fullmatch(head)
    if match is None:
        return ""
    scheme, host, port = match.groups()
    return f"{scheme}://{host}" + (f":{port}" if port and port != _DEFAULT_PORTS[scheme] else "")


def own() -> str:
    """The origin of this deployment."""
    return origin_of(settings().public_url)


@cache
def listed(text: str) -> frozenset[str]:
    """The origins of `ALLOWED_ORIGINS`; what is no exact origin (`null`, a path) allows nobody."""
    origins = (one.strip().rstrip("/").lower() for one in text.split(","))
    return frozenset(one for one in origins if origin_of(one) == one != "")


def any_may_call() -> bool:
    """Whether pages of every origin may call."""
    return settings().allowed_origins.strip() == ANY


def allowed(request: Request) -> str | None:
    """The value of `Access-Control-Allow-Origin` for this request, if there is to be one."""
    if any_may_call():
        return ANY
    sent = request.every("origin")
    if len(sent) == 1 and sent[0] in listed(settings().allowed_origins):
        return sent[0]
    return None


def from_own_page(request: Request, *, writes: bool = False) -> bool:
    """Whether a request came from a page of this deployment's own origin, or from no page.

    What changes something must say where it is from; what reads may say nothing, as old
    browsers and other clients do, or be a navigation: its answer is shown to the person alone.
    `writes` holds a read that begins something to what writes are held to.
    """
    origins, site = request.every("origin"), request.header("sec-fetch-site")
    if origins and (origins != [own()] or not own()):
        return False
    if request.method in SAFE and not writes:
        navigation = not origins and request.header("sec-fetch-mode") == "navigate"
        return navigation or site in (*_OWN, "none")
    return site in _OWN and (bool(origins) or site is not None)
