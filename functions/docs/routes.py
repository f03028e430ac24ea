"""/, /docs, /openapi.json, /health."""

from __future__ import annotations

from typing import Any

from covey.http import Request, Response, Routes
from covey.version import VERSION
from covey.wiring import services
from functions.docs import page
from functions.docs.document import document

INDEX = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "version": {"type": "string"}},
}
HEALTH = {
    "type": "object",
    "required": ["status", "version", "catalog"],
    "properties": {
        "status": {"const": "ok"},
        "version": {"type": "string"},
        "catalog": {"type": "integer", "description": "The version of the catalog."},
    },
}


def routes() -> Routes:
    """The routes of this function."""
    routes = Routes("docs", schemas={"Index": INDEX, "Health": HEALTH})

    @routes.get("/", summary="Say what this is", answer="Index", public=True)
    def index(request: Request) -> dict[str, str]:
        return {
            "name": "Covey",
            "version": VERSION,
            "docs": "docs",
            "openapi": "openapi.json",
            "health": "health",
        }

    @routes.get(
        "/health", summary="Say whether all is well", answer="Health", problems=(503,), public=True
    )
    def health(request: Request) -> Response:
        """Reads one item, consistently; 503 when the database cannot be reached."""
        answer = {"status": "ok", "version": VERSION, "catalog": services().catalog_store.load()[0]}
        return Response(answer, headers={"Cache-Control": "no-store"})

    @routes.get(
        "/openapi.json",
        summary="Describe the API as OpenAPI 3.1",
        answer={"type": "object"},
    )
    def openapi(request: Request) -> dict[str, Any]:
        """What it says of collections depends on who asks."""
        return _document(request)

    @routes.get(
        "/docs",
        summary="Describe the API as a page",
        answer={"type": "string"},
        produces="text/html",
    )
    def docs(request: Request) -> Response:
        return Response(page.html(_document(request)), headers=page.headers())

    return routes


def _document(request: Request) -> dict[str, Any]:
    server = services().settings.public_url.rstrip("/")
    return document(request.principal, services().catalog.all(), server)
