"""From an Authorization header to a principal."""

from __future__ import annotations

from covey.errors import Unauthenticated
from covey.identity.principal import Kind, Principal

ADMIN_ROLE = "admin"


def bearer_token(authorization: str) -> str:
    """The token of an Authorization header (RFC 6750, 2.1).

    Any other header is Unauthenticated(code="invalid_token"): a caller whose token ran out is
    told so, and is not quietly answered as a guest.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("Authorization must be a bearer token.", code="invalid_token")
    return token.strip(" ")


def signed_in(user: str, session: str, roles: tuple[str, ...], *, until: int = 0) -> Principal:
    """A signed-in user; the role `admin` makes an administrator."""
    kind = Kind.ADMINISTRATOR if ADMIN_ROLE in roles else Kind.USER
    return Principal(kind, id=user, roles=roles, session=session, until=until)
