"""From a routes factory to a Lambda callable."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from covey.http.app import Authenticate, CoveyApp, from_credential
from covey.http.routes import Routes

Handler = Callable[[Any, Any], dict[str, Any]]


def lambda_handler(
    factory: Callable[[], Routes], authenticate: Authenticate = from_credential
) -> Handler:
    """A Lambda callable that answers API Gateway REST v1 events with these routes.

    The app is made on the first call; importing a handler makes nothing.

        handler = lambda_handler(routes)
    """

    @cache
    def app() -> CoveyApp:
        made = CoveyApp(authenticate=authenticate)
        made.register_blueprint(factory())
        return made

    def handler(event: Any, context: Any) -> dict[str, Any]:
        return app()(event, context)

    return handler
