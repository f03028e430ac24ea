"""The pages that links in letters lead to, for teams without pages of their own."""

from __future__ import annotations

from covey.http import Request, Response, Routes
from covey.wiring import services
from functions.auth.page import page

PAGES = {
    "/auth/verify": "A page that verifies an address",
    "/auth/reset": "A page that sets a new password",
    "/auth/change-email": "A page that changes an address",
    "/auth/magic": "A page that hands the link to the page that asked for it",
}


def declare(routes: Routes) -> None:
    """Add the routes."""
    for path, summary in PAGES.items():
        _declare(routes, path, summary)


def _declare(routes: Routes, path: str, summary: str) -> None:
    def show(request: Request) -> Response:
        return page("link", services().settings.product_name)

    show.__name__ = f"show_{path.rpartition('/')[2].replace('-', '_')}"
    routes.get(path, summary=summary, answer={"type": "string"}, produces="text/html", public=True)(
        show
    )
