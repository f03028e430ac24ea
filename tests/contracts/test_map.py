"""The city map and the code agree: a change of one side only is caught."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.gateway.city import City, Endpoints, HttpRoute
from infra.gateway.filters import passes
from infra.gateway.template import load

ROOT = Path(__file__).resolve().parents[2]
HERE = Endpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")
CITY: City = load(ROOT / "template.yaml", HERE)
FUNCTIONS = sorted(CITY.functions)
assert CITY.http is not None
ROUTES: tuple[HttpRoute, ...] = CITY.http.routes


def operations(function: str) -> list[tuple[str, str]]:
    """(method, path) of every route that a function's own code declares."""
    package = CITY.functions[function].handler.rsplit(".", 2)[0]
    declared = importlib.import_module(f"{package}.routes").routes().operations
    return [(one.method, one.path) for one in declared]


def covers(route: HttpRoute, path: str) -> bool:
    pattern = re.escape(route.path).replace(r"\{proxy\+\}", ".+")
    return re.fullmatch(pattern, path) is not None


def http_functions() -> list[str]:
    return sorted({route.function for route in ROUTES})


@pytest.mark.parametrize("function", http_functions())
def test_each_route_in_code_is_reached_by_the_map_and_only_by_its_own_function(
    function: str,
) -> None:
    for method, path in operations(function):
        reached = {route.function for route in ROUTES if covers(route, path)}
        assert reached == {function}, f"{method} {path}"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_each_path_on_the_map_has_a_route_in_code(route: HttpRoute) -> None:
    assert any(covers(route, path) for _, path in operations(route.function))


def test_app_py_is_the_sum_of_the_functions() -> None:
    app = importlib.import_module("app").app
    served = {(method, path) for path, views in app.routes.items() for method in views}
    declared = {one for function in http_functions() for one in operations(function)}
    assert served == declared


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_handler_on_the_map_is_there(function: str) -> None:
    module, _, name = CITY.functions[function].handler.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


def test_each_handler_in_code_is_on_the_map() -> None:
    mapped = {function.handler for function in CITY.functions.values()}
    found = {
        ".".join([*path.relative_to(ROOT).with_suffix("").parts, "handler"])
        for path in (ROOT / "functions").rglob("*.py")
        if re.search(r"^(handler = |def handler\()", path.read_text(), re.MULTILINE)
    }
    assert found == mapped


def test_each_function_is_triggered() -> None:
    assert CITY.sockets is not None
    triggered = (
        {route.function for route in ROUTES}
        | set(CITY.sockets.routes.values())
        | {one.function for one in CITY.streams}
        | {one.function for one in CITY.queue_triggers}
        | {one.function for one in CITY.schedules}
        | {one.function for one in CITY.uploads}
    )
    assert triggered == set(FUNCTIONS)


def test_each_function_has_its_build_rule_and_no_other() -> None:
    rules = (ROOT / "infra/build/functions.mk").read_text()
    called = re.findall(r"\$\(call function,(\w+),(\w+)\)", rules)
    wanted = {
        (name.removesuffix("Function"), function.handler.split(".")[1])
        for name, function in CITY.functions.items()
    }
    assert set(called) == wanted


def test_every_failure_that_is_given_up_has_a_place_to_go() -> None:
    for trigger in CITY.queue_triggers:
        assert CITY.queues[trigger.queue].dead_letters in CITY.queues
    for stream in CITY.streams:
        assert stream.on_failure in CITY.queues
        assert stream.max_attempts >= 0, "a poison record would hold its shard up for a day"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_handler_imports_alone_and_makes_nothing(function: str) -> None:
    """With its layers on the path and no settings: no table, no region, no network."""
    described = CITY.functions[function]
    module = described.handler.rpartition(".")[0]
    package = ".".join(module.split(".")[:2])
    program = f"""
import socket, sys
def refuse(*args, **more): raise AssertionError("a connection at import")
socket.socket.connect = refuse
import {module}
others = {{name for name in sys.modules if name.startswith("functions.")
          and name != "{package}" and not name.startswith("{package}.")}}
assert not others, f"imports other functions: {{others}}"
heavy = {{"boto3", "pandas", "numpy", "yaml", "infra"}} & set(sys.modules)
assert not heavy, f"imports at cold start: {{heavy}}"
"""
    path = ":".join(str(folder) for folder in (*described.layers, ROOT))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_functions_that_changes_call_are_declared_without_fault() -> None:
    from covey.hooks.telling import calls

    for function in CITY.functions.values():
        found, faults = calls(function.environment.get("CHANGE_TRIGGERS", ""))
        assert not faults
        assert {call.queue for call in found} <= {queue.url for queue in CITY.queues.values()}


def test_what_consumers_of_changes_write_calls_them_no_more() -> None:
    (stream,) = [one for one in CITY.streams if one.function == "ChangesApplyFunction"]

    def told(partition: str) -> bool:
        record = {"dynamodb": {"Keys": {"pk": {"S": partition}}}}
        return passes(stream.filters, record)

    assert all(told(partition) for partition in ("posts.0", "_audit.3", "z.=id"))
    assert not any(told(partition) for partition in ("!mark.posts.0", "!total.posts.0.0", "!job.1"))
