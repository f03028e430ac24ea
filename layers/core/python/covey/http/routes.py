"""Routes: what one function answers, declared once, with what the documentation says of it.

    def routes() -> Routes:
        routes = Routes("notes")

        @routes.get("/notes/{id}", summary="Read a note", answer="Note")
        def read(request: Request, id: str) -> Response:
            ...

        return routes

A factory, because a Chalice blueprint that is registered twice silently loses its methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chalice.app import Blueprint

from covey.http import pace
from covey.http.context import current
from covey.http.operation import Operation, Schema

View = Callable[..., Any]


class Routes(Blueprint):
    """A fresh set of routes, and the schemas that their operations name.

    Views are called with the `Request` and the decoded path parameters by name. They return a
    `Response`, a JSON-ready value (200), or None (204), or raise a `CoveyError`. A query
    parameter that the operation does not declare is refused before the view is called.
    """

    def __init__(self, name: str, schemas: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        super().__init__(name)
        self.name = name
        self.schemas: dict[str, Mapping[str, Any]] = dict(schemas or {})
        self.operations: list[Operation] = []

    def operation(
        self, method: str, path: str, *, summary: str, tag: str = "", **said: Any
    ) -> Callable[[View], View]:
        """Declare a view; `said` are the other fields of `Operation`."""

        def declare(view: View) -> View:
            described = Operation(
                method=method,
                path=path,
                name=view.__name__,
                summary=summary,
                tag=tag or self.name,
                **{"description": _prose(view.__doc__), **said},
            )
            self.operations.append(described)
            self.route(
                path, methods=[method], content_types=[], name=f"{self.name}.{view.__name__}"
            )(_bound(view, described))
            return view

        return declare

    def get(self, path: str, *, summary: str, **said: Any) -> Callable[[View], View]:
        """Declare a GET; HEAD is answered from it."""
        return self.operation("GET", path, summary=summary, **said)

    def post(self, path: str, *, summary: str, **said: Any) -> Callable[[View], View]:
        """Declare a POST."""
        return self.operation("POST", path, summary=summary, **said)

    def put(self, path: str, *, summary: str, **said: Any) -> Callable[[View], View]:
        """Declare a PUT."""
        return self.operation("PUT", path, summary=summary, **said)

    def patch(self, path: str, *, summary: str, **said: Any) -> Callable[[View], View]:
        """Declare a PATCH."""
        return self.operation("PATCH", path, summary=summary, **said)

    def delete(self, path: str, *, summary: str, **said: Any) -> Callable[[View], View]:
        """Declare a DELETE."""
        return self.operation("DELETE", path, summary=summary, **said)


def _bound(view: View, operation: Operation) -> View:
    """The view as Chalice calls it: path parameters only."""
    known = frozenset(parameter.name for parameter in operation.query)

    def call(**parameters: str) -> Any:
        request = current()
        pace.spend(request)
        request.answers(operation, parameters.get("collection", ""))
        if not operation.open_query:
            request.only(known)
        return view(request, **parameters)

    call.__name__ = view.__name__
    return call


def _prose(text: str | None) -> str:
    return "\n".join(line.strip() for line in (text or "").strip().splitlines())


__all__ = ["Routes", "Schema", "View"]
