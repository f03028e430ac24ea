"""From an Authorization header to a principal."""

from __future__ import annotations

from covey.errors import Unauthenticated
from covey.identity.principal import GUEST, Kind, Principal
from covey.identity.tokens import Tokens

ADMIN_ROLE = "admin"


def principal_from(authorization: str | None, tokens: Tokens) -> Principal:
    """The caller that an Authorization header names (RFC 6750, 2.1).

    No header is a guest. Any other header must hold a valid bearer token, else
    Unauthenticated(code="invalid_token"): a caller whose token ran out is told so, and is not
    quietly answered as a guest. The caller's own fields are not read here: see `profile`.
    """
    if authorization is None:
        return GUEST
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("Authorization must be a bearer token.", code="invalid_token")
    claims = tokens.verify(token.strip(" "))
    return signed_in(claims.user, claims.session, claims.roles, until=claims.expires)


def signed_in(user: str, session: str, roles: tuple[str, ...], *, until: int = 0) -> Principal:
    """A signed-in user; the role `admin` makes an administrator."""
    kind = Kind.ADMINISTRATOR if ADMIN_ROLE in roles else Kind.USER
    return Principal(kind, id=user, roles=roles, session=session, until=until)
