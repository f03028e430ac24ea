"""The one place that hands over a session: as tokens, or as a browser's cookie."""

from __future__ import annotations

from covey.http import Request, Response, cookies
from covey.identity.accounts import SignedIn
from covey.identity.second_factor import Awaiting
from covey.wiring import services


def signed_in(
    request: Request, made: SignedIn | Awaiting, status: int = 200, *, anew: bool = False
) -> Response:
    """The answer to whoever signed in, or is asked for a second factor.

    With `Covey-Session: cookie` the session is kept by the browser, and no token is in the
    answer for a script to read; so also where a caller's own session is made `anew`, and the
    one before was kept so.
    """
    if isinstance(made, Awaiting) or not (cookies.wanted(request) or (anew and request.by_cookie)):
        return Response(made.document(), status=status)
    value, seconds = services().browser_sessions.adopt(made.refresh_token)
    cookies.keep(request, value, seconds)
    return Response({"user": made.user, "expires_in": seconds}, status=status)


def renewed(request: Request, cookie: str) -> Response:
    """The session of the request's own cookie, to last as long as a new one."""
    seconds = services().browser_sessions.renew(request.principal)
    cookies.keep(request, cookie, seconds)
    user = services().accounts.me(request.principal)
    return Response({"user": user, "expires_in": seconds})
