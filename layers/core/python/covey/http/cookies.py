"""The one cookie: a session of a browser, out of reach of scripts (RFC 6265bis).

``__Host-covey`` binds it to this very host over HTTPS. Browsers differ on `Secure` over plain
HTTP, so on loopback, and nowhere else, it has a plain name, with the port in it: cookies know
no ports, and two deployments on one machine would sign each other out.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from covey.config import settings
from covey.errors import Forbidden, Unauthenticated
from covey.http import origins
from covey.http.request import Request

HEADER = "covey-session"  # `Covey-Session: cookie` asks for the session as a cookie
_HOST_BOUND = "__Host-covey"


def name() -> str:
    """The cookie's name; "" where no cookie may be given: over plain HTTP beyond loopback."""
    parts = urlsplit(origins.own())
    if parts.scheme == "https":
        return _HOST_BOUND
    return f"covey-{parts.port or 80}" if _is_loopback(parts.hostname or "") else ""


def sent(request: Request) -> str | None:
    """The session that a request shows by cookie and may show; None where there is none.

    An Authorization header goes before a cookie. Raises Forbidden("cross_site") for one that a
    page of another origin had sent along, and Unauthenticated("invalid_token") for two.
    """
    if request.has_header("authorization") or not request.has_header("cookie"):
        return None
    values = request.cookies(name()) if name() else []
    if not values:
        return None
    require_own_page(request)
    request.by_cookie = True
    if len(values) > 1:
        clear(request)
        raise Unauthenticated("The session has ended. Sign in again.", code="invalid_token")
    return values[0]


def wanted(request: Request) -> bool:
    """Whether a new session is to be kept in a cookie."""
    return (request.header(HEADER) or "").strip().lower() == "cookie"


def admit(request: Request) -> None:
    """Refuse, before anything is done, to keep a session in a cookie where that cannot be.

    Raises Forbidden for a page of another origin, which could sign its visitors in as somebody
    else, and over plain HTTP.
    """
    if not wanted(request):
        return
    require_own_page(request)
    if not name():
        raise Forbidden("Sessions by cookie need HTTPS; see PUBLIC_URL.", code="insecure_origin")


def keep(request: Request, value: str, seconds: int) -> None:
    """Have the browser keep a session for so long."""
    request.set_cookies.append(f"{name()}={value}; Max-Age={seconds}; {_attributes()}")


def clear(request: Request) -> None:
    """Have the browser forget its session."""
    request.set_cookies.append(f"{name()}=; Max-Age=0; {_attributes()}")


def require_own_page(request: Request, *, writes: bool = False) -> None:
    """Refuse what did not come from a page of this deployment's origin; see `from_own_page`."""
    if not origins.from_own_page(request, writes=writes):
        raise Forbidden(
            f"A session by cookie is for pages of {origins.own()} alone; others send a token.",
            code="cross_site",
        )


def _attributes() -> str:
    # Strict costs nothing: pages are shown to guests too, and ask for data themselves.
    secure = "; Secure" if name() == _HOST_BOUND else ""
    return f"Path=/; HttpOnly; SameSite=Strict{secure}"


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def secure() -> bool:
    """Whether browsers reach this deployment by HTTPS alone."""
    return settings().public_url.startswith("https://")
