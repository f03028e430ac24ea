"""Chalice without its traps.

- `current_request` is kept per context: threads never see each other's (Chalice 1.34 keeps one
  for the whole app).
- Greedy resources of API Gateway are resolved to the declared route, path parameters decoded
  exactly once; an unknown path is 404, a known one with another method 405 with `Allow`.
- Every failure is a problem document; the cause of one that is ours goes to the log.
- Every answer carries its request id, timing, cost and the headers that keep browsers safe.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar, copy_context
from typing import Any

from chalice.app import (
    Blueprint,
    Chalice,
    ChaliceViewError,
    MiddlewareHandler,
    RestAPIEventHandler,
)
from chalice.app import Request as ChaliceRequest
from chalice.app import Response as ChaliceResponse

from covey.errors import CoveyError, MethodNotAllowed, Unauthenticated
from covey.http import context, cookies, headers, observe, preflight, problem
from covey.http.operation import Operation
from covey.http.request import Request
from covey.http.resolver import Resolver
from covey.http.response import Response, no_content
from covey.http.routes import Routes
from covey.identity.principal import Principal
from covey.insight import meter

Authenticate = Callable[[Request], Principal]
_CHALICE_REQUEST: ContextVar[ChaliceRequest | None] = ContextVar(
    "covey.http.chalice_request", default=None
)
_LAMBDA_CONTEXT: ContextVar[Any] = ContextVar("covey.http.lambda_context", default=None)


def from_credential(request: Request) -> Principal:
    """The caller by the Authorization header or, without one, by this deployment's cookie."""
    from covey.wiring import services

    cookie = cookies.sent(request)
    if cookie is None:
        return services().principal(request.header("authorization"))
    try:
        return services().presence.of_cookie(cookie)
    except Unauthenticated:
        cookies.clear(request)
        raise


class CoveyApp(Chalice):
    """An app made of `Routes`; call it with an API Gateway REST v1 proxy event.

    `authenticate` turns a request into its principal, when one is first asked for.
    """

    def __init__(self, name: str = "covey", authenticate: Authenticate = from_credential) -> None:
        # An environment of its own: Chalice would write AWS_EXECUTION_ENV, longer with each app.
        super().__init__(name, configure_logs=False, env={})
        self.api.binary_types = []  # bytes are encoded by Response, whatever Accept says
        self.operations: list[Operation] = []
        self.schemas: dict[str, Mapping[str, Any]] = {}
        self._authenticate = authenticate
        self._resolver: tuple[int, Resolver] = (0, Resolver(()))

    @property
    def current_request(self) -> ChaliceRequest | None:
        """Chalice's view of the request of this context."""
        return _CHALICE_REQUEST.get()

    @current_request.setter
    def current_request(self, request: ChaliceRequest | None) -> None:
        _CHALICE_REQUEST.set(request)

    @property
    def lambda_context(self) -> Any:
        """The Lambda context of this call."""
        return _LAMBDA_CONTEXT.get()

    @lambda_context.setter
    def lambda_context(self, value: Any) -> None:
        _LAMBDA_CONTEXT.set(value)

    def register_blueprint(
        self,
        blueprint: Blueprint,
        name_prefix: str | None = None,
        url_prefix: str | None = None,
    ) -> None:
        """Add the routes of a function, and what they say about themselves."""
        super().register_blueprint(blueprint, name_prefix, url_prefix)
        if isinstance(blueprint, Routes):
            self.operations.extend(blueprint.operations)
            self.schemas.update(blueprint.schemas)

    def __call__(self, event: Any, lambda_context: Any) -> dict[str, Any]:
        """Answer one event, in a context of its own; never raises."""
        return copy_context().run(self._answer, event, lambda_context)

    def _answer(self, event: Any, lambda_context: Any) -> dict[str, Any]:
        started = time.perf_counter_ns()
        request = Request(event, lambda_context, self._authenticate)
        context.variable.set(request)
        _CHALICE_REQUEST.set(None)
        self.lambda_context = lambda_context
        spent = meter.reset()
        response = self._respond(event, lambda_context, request)
        elapsed = (time.perf_counter_ns() - started) / 1e6
        try:
            headers.finish(response, request, spent, elapsed)
            answer = response.to_dict()
        except (ValueError, TypeError, RecursionError) as exc:  # what cannot be written down
            observe.failed(request, exc)
            response = problem.unexpected(request.id)
            headers.finish(response, request, spent, elapsed)
            answer = response.to_dict()
        if request.method == "HEAD" or response.status_code in (204, 304):
            answer["body"], answer["isBase64Encoded"] = "", False
        observe.answered(request, response, spent, elapsed)
        return answer

    def _respond(self, event: Mapping[str, Any], lambda_context: Any, request: Request) -> Response:
        if preflight.asks(request):
            return preflight.answer()
        try:
            pattern, parameters = self._routes().resolve(event)
            request.route = pattern
            cookies.admit(request)
            if request.method == "OPTIONS":
                return no_content(Allow=", ".join(self._methods(pattern)))
            method = self._method(pattern, request.method)
        except CoveyError as exc:
            return problem.render(exc, request.id)
        rewritten = {
            "headers": None,
            "multiValueQueryStringParameters": None,
            "stageVariables": None,
            "body": None,
            **event,
            "pathParameters": parameters,
            "requestContext": {
                **event["requestContext"],
                "resourcePath": pattern,
                "httpMethod": method,
            },
        }
        handler = _Handler(
            self.routes,
            self.api,
            self.log,
            self.debug,
            middleware_handlers=list(self._get_middleware_handlers("http")),
        )
        self.current_request = handler.create_request_object(rewritten, lambda_context)
        return handler.respond(rewritten, lambda_context, request)

    def _routes(self) -> Resolver:
        """The resolver of the routes as they are; made anew when routes were added."""
        count, resolver = self._resolver
        if count != len(self.routes):
            resolver = Resolver(self.routes)
            self._resolver = (len(self.routes), resolver)
        return resolver

    def _method(self, pattern: str, method: str) -> str:
        """The declared method that answers; HEAD is answered from GET."""
        declared = self.routes[pattern]
        if method in declared:
            return method
        if method == "HEAD" and "GET" in declared:
            return "GET"
        raise MethodNotAllowed(self._methods(pattern))

    def _methods(self, pattern: str) -> list[str]:
        declared = self.routes[pattern]
        return sorted({*declared, *(["HEAD"] if "GET" in declared else [])})


class _Handler(RestAPIEventHandler):
    """Chalice's dispatch with middleware, where every failure becomes a problem."""

    def respond(self, event: Any, lambda_context: Any, request: Request) -> Response:
        def last(_: Any) -> Any:
            return self._main_rest_api_handler(event, lambda_context)

        chain: Callable[[Any], Any] = last
        for middleware in reversed(self._middleware_handlers):
            chain = MiddlewareHandler(handler=middleware, next_handler=chain)
        return _guarded(lambda: chain(self.current_request), request)

    def _get_view_function_response(
        self, view_function: Callable[..., Any], function_args: dict[str, Any]
    ) -> Response:
        request = context.current()
        return _guarded(lambda: view_function(**function_args), request)


def _guarded(answer: Callable[[], Any], request: Request) -> Response:
    """What `answer` returns, as a Response; what it raises, as a problem."""
    try:
        return _response(answer())
    except CoveyError as exc:
        if exc.status >= 500:
            observe.failed(request, exc)
        return problem.render(exc, request.id)
    except ChaliceViewError as exc:
        return problem.render(problem.from_chalice(exc), request.id)
    except Exception as exc:  # noqa: BLE001 - the last line: nothing of ours may reach a caller
        observe.failed(request, exc)
        return problem.unexpected(request.id)


def _response(answer: Any) -> Response:
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, ChaliceResponse):
        return Response(answer.body, status=answer.status_code, headers=answer.headers)
    return no_content() if answer is None else Response(answer)
