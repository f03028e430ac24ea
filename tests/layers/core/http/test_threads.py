"""No request sees another's."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from covey.http import CoveyApp, Request, Routes
from covey.http.context import current
from covey.identity.principal import Kind, Principal
from covey.insight import meter
from covey.testing.events import http_event

CALLS = 2_000


def caller(request: Request) -> Principal:
    return Principal(Kind.USER, id=(request.header("authorization") or "").removeprefix("Bearer "))


def test_two_thousand_threaded_calls_see_only_their_own_request() -> None:
    app = CoveyApp(authenticate=caller)
    barrier = threading.Barrier(16, timeout=20)
    routes = Routes("who")

    @routes.get("/records/{collection}/{id}", summary="Who asks")
    def who(request: Request, collection: str, id: str) -> dict[str, Any]:
        before = routes.current_request.uri_params
        meter.add(rru=float(id))
        barrier.wait()  # all sixteen are inside
        time.sleep(0)
        assert app.current_request is not None
        return {
            "mine": request.principal.id,
            "current": current().principal.id,
            "chalice": app.current_request.headers["authorization"],
            "parameters": [before, app.current_request.uri_params, {"collection": collection}],
            "context": app.lambda_context,
            "spent": meter.read().rru,
            "id": id,
        }

    app.register_blueprint(routes)

    def ask(n: int) -> None:
        user = f"user-{n}"
        answer = app(http_event("GET", f"/records/c{n}/{n}", token=user, request_id=f"r{n}"), n)
        assert answer["statusCode"] == 200, answer
        assert answer["headers"]["X-Request-Id"] == f"r{n}"
        assert answer["headers"]["Covey-Cost"].startswith(f"rru={n}, ")
        body = (
            f'{{"mine":"{user}","current":"{user}","chalice":"Bearer {user}","parameters":'
            f'[{{"collection":"c{n}","id":"{n}"}},{{"collection":"c{n}","id":"{n}"}},'
            f'{{"collection":"c{n}"}}],"context":{n},"spent":{n}.0,"id":"{n}"}}'
        )
        assert answer["body"] == body

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(CALLS)))


def test_outside_of_a_request_there_is_none() -> None:
    app = CoveyApp(authenticate=caller)
    routes = Routes("x")
    routes.get("/x", summary="x")(lambda request: {})
    app.register_blueprint(routes)
    app(http_event("GET", "/x"), object())
    assert app.current_request is None
    assert app.lambda_context is None


def test_a_call_within_a_call_leaves_the_outer_request_alone() -> None:
    app = CoveyApp(authenticate=caller)
    routes = Routes("x")

    @routes.get("/records/{id}", summary="x")
    def inner(request: Request, id: str) -> dict[str, Any]:
        return {"id": request.id}

    @routes.get("/admin/x", summary="x")
    def outer(request: Request) -> dict[str, Any]:
        meter.add(rru=1)
        app(http_event("GET", "/records/1", request_id="inner"), None)
        assert app.current_request is not None
        return {"id": current().id, "path": app.current_request.path, "rru": meter.read().rru}

    app.register_blueprint(routes)
    answer = app(http_event("GET", "/admin/x", request_id="outer"), None)
    assert answer["body"] == '{"id":"outer","path":"/admin/x","rru":1.0}'
