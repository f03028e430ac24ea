"""What administrators alone may do."""

from __future__ import annotations

from covey.errors import Forbidden, Unauthenticated
from covey.identity.principal import Kind, Principal


def administrators_only(principal: Principal) -> None:
    """Raise Unauthenticated for a guest, Forbidden for anyone else who is no administrator."""
    if principal.is_administrator:
        return
    if principal.kind is Kind.GUEST:
        raise Unauthenticated("Sign in as an administrator.")
    raise Forbidden("Administrators only.", code="administrators_only")
