"""Where ports meet adapters: the one place that knows both sides.

`services()` is cached for the process and builds nothing by itself: each service is made when
it is first asked for, and imports what it needs then, so that a function pays at its cold
start only for what it uses. A service is a `cached_property` with its imports in its body.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from covey.config import Settings, settings

if TYPE_CHECKING:
    from covey.identity.principal import Principal


class Services:
    """The services of one process; tests make their own with other settings."""

    def __init__(self, configured: Settings | None = None) -> None:
        self.settings = configured or settings()

    def principal(self, authorization: str | None) -> Principal:
        """The caller that an Authorization header names; raises Unauthenticated."""
        from covey.errors import Unauthenticated
        from covey.identity.principal import GUEST

        if authorization is None:
            return GUEST
        raise Unauthenticated(code="invalid_token")


@cache
def services() -> Services:
    """The services of this process."""
    return Services()
